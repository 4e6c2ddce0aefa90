from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

from apim.core.errors import Conflict, DomainError, InvalidInput

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class GatewayTokenUnknown(DomainError):
    """The token belongs to no gateway, or to one that is disabled."""

    code = "gateway_token_unknown"
    status = 401
    title: ClassVar[StrOrPromise] = _("This gateway token is not known")


class UpstreamRefused(InvalidInput):
    """Envoy could not serve this upstream."""

    code = "upstream_refused"
    title: ClassVar[StrOrPromise] = _("The gateway cannot serve this upstream")


class GatewayStateConflict(Conflict):
    code = "gateway_state"
    title: ClassVar[StrOrPromise] = _("The gateway is not in the state for this")
