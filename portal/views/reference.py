"""The interactive reference of one version, and the test requests it sends."""

from __future__ import annotations

import json
from functools import wraps
from typing import TYPE_CHECKING, Any

from csp.constants import NONCE
from csp.decorators import csp_update
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods

from apim.accounts.policies import public, signed_in
from apim.catalog import selectors
from apim.core.errors import DomainError, NotFound, PermissionMissing
from portal import try_proxy
from portal.reference import is_openapi, reference_document
from portal.styles import pages
from portal.views.catalog import api_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import ApiVersion

# Test requests of one person per minute: enough to explore, too few to load anything.
TRIES_PER_MINUTE = 60


class TooManyTries(DomainError):
    code = "too_many_test_requests"
    status = 429
    title = "Too many test requests"


@public
@require_GET
@csp_update({"style-src": [NONCE]})  # type: ignore[arg-type]  # typed for plain requests only
def reference(request: ViewerRequest, slug: str, version: str) -> HttpResponse:
    shown = _version(slug, version)
    if not is_openapi(shown):
        context = {
            **api_frame(shown.api, shown),
            "is_reference": True,
            **pages.page_context(shown, request.GET.dict()),
            "download_url": reverse("portal:description", args=[slug, version]),
        }
        return render(request, "portal/catalog/style_reference.html", context)
    names = [slug, version]
    is_signed_in = request.viewer.is_signed_in
    configuration = {
        "url": reverse("portal:reference-document", args=names),
        "proxyUrl": reverse("portal:try", args=names),
        "hideTestRequestButton": not is_signed_in,
    }
    return render(
        request,
        "portal/catalog/reference.html",
        {
            **api_frame(shown.api, shown),
            "is_reference": True,
            "configuration": json.dumps(configuration),
            "can_try": is_signed_in,
        },
    )


@public
@require_GET
@gzip_page
def document(request: ViewerRequest, slug: str, version: str) -> HttpResponse:
    """The document that the reference shows: served from our gateway, with our key."""
    del request
    shown = _version(slug, version)
    if not is_openapi(shown):
        raise NotFound
    made = reference_document(shown)
    return HttpResponse(made, content_type="application/json")


def _version(slug: str, version: str) -> ApiVersion:
    return selectors.get_published_version(selectors.get_published_api(slug), version)


def _as_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refusals as problem+json (RFC 9457), which the reference shows like any other answer."""

    @wraps(view)
    def guarded(request: ViewerRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            problem = {
                "type": "about:blank",
                "title": str(error.title),
                "status": error.status,
                "detail": str(error.message),
                "code": error.code,
            }
            return HttpResponse(
                json.dumps(problem), content_type="application/problem+json", status=error.status
            )

    return guarded


@csrf_exempt  # the reference's own fetch sends no token; `_require_same_origin` stands in
@signed_in
@never_cache
@_as_json
@require_http_methods(try_proxy.METHODS)
def try_it(request: ViewerRequest, slug: str, version: str) -> HttpResponse:
    """Repeat the call at the gateway. Answers cannot run here: they are sandboxed."""
    _require_same_origin(request)
    _count_try(request)
    answer = try_proxy.carry(
        method=request.method or "GET",
        url=try_proxy.target_url(_version(slug, version), request.GET.get("scalar_url", "")),
        headers=try_proxy.request_headers(request.headers),
        body=request.body,
    )
    response = HttpResponse(answer.body, status=answer.status)
    del response["Content-Type"]
    for name, value in answer.headers:
        response[name] = value
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _require_same_origin(request: HttpRequest) -> None:
    """Only a script of our own pages may ask, never a link, a form or another site.

    Raises PermissionMissing.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site")
    is_navigation = request.headers.get("Sec-Fetch-Mode") == "navigate"
    if fetch_site is not None:
        allowed = fetch_site == "same-origin" and not is_navigation
    else:  # an older browser: it sends Origin or at least Referer
        origin = request.headers.get("Origin") or request.headers.get("Referer", "")
        ours = f"{request.scheme}://{request.get_host()}"
        allowed = origin == ours or origin.startswith(f"{ours}/")
    if not allowed:
        raise PermissionMissing(_("Test requests can be sent only from the reference page."))


def _count_try(request: ViewerRequest) -> None:
    name = f"try:{request.viewer.person.pk}"
    cache.add(name, 0, timeout=60)
    try:
        count = cache.incr(name)
    except ValueError:  # the minute has ended in between
        return
    if count > TRIES_PER_MINUTE:
        raise TooManyTries(_("Wait a minute before the next test request."))
