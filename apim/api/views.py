"""The API's description, the page that shows it, and the answer to an unknown address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from csp.constants import NONCE
from csp.decorators import csp_update
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.views import APIView

from apim.accounts.policies import public
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from django.http import HttpResponse
    from rest_framework.request import Request
    from rest_framework.response import Response

    from apim.accounts.viewers import ViewerRequest


@method_decorator(gzip_page, name="dispatch")
class Schema(SpectacularAPIView):
    """The OpenAPI document, as YAML or with `?format=json` as JSON. For anybody."""

    access_rule: ClassVar[str] = "public"
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)  # type: ignore[no-any-return,no-untyped-call]


class UnknownPath(APIView):
    """A problem, not a page, for an address that the API does not have."""

    access_rule: ClassVar[str] = "public"
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound


@public
@require_GET
@csp_update({"style-src": [NONCE]})  # type: ignore[arg-type]  # typed for plain requests only
def docs(request: ViewerRequest) -> HttpResponse:
    """The reference of the management API. Test requests go straight to this origin."""
    configuration = {
        "url": f"{reverse('api:schema')}?format=json",
        "authentication": {"preferredSecurityScheme": "accessToken"},
    }
    return render(request, "api/docs.html", {"configuration": json.dumps(configuration)})
