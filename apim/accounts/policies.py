"""The access rule of every HTML view: one decorator each, named in `view.access_rule`.

Not signed in: to the sign-in page. Signed in but not allowed: the same 404 as a missing page.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url

from apim.accounts.viewers import ViewerRequest, viewer_of
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

P = ParamSpec("P")


def public(
    view: Callable[Concatenate[ViewerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Everybody, signed in or not."""
    return _guard(view, rule="public", allows=lambda _request: True, needs_person=False)


def signed_in(
    view: Callable[Concatenate[ViewerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Any signed-in person."""
    return _guard(view, rule="signed_in", allows=lambda _request: True)


def member(
    *roles: str,
) -> Callable[
    [Callable[Concatenate[ViewerRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """A member of the current organization, with one of the roles if any are named.

    A signed-in person without any organization is sent to create or join one.
    """

    def decorate(
        view: Callable[Concatenate[ViewerRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        return _guard(
            view,
            rule=_rule_name("member", roles),
            allows=lambda request: viewer_of(request).has_role(*roles),
            needs_organization=True,
        )

    return decorate


def staff(
    *roles: str,
) -> Callable[
    [Callable[Concatenate[ViewerRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Staff with one of the roles (any staff if none is named); admins always pass."""

    def decorate(
        view: Callable[Concatenate[ViewerRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        return _guard(
            view,
            rule=_rule_name("staff", roles),
            allows=lambda request: viewer_of(request).has_staff_role(*roles),
        )

    return decorate


def development_only(
    view: Callable[Concatenate[ViewerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Only where APIM_DEVELOPMENT_PAGES is on; elsewhere the page does not exist."""
    return _guard(
        view,
        rule="development_only",
        allows=lambda _request: bool(settings.APIM_DEVELOPMENT_PAGES),
        needs_person=False,
    )


def _rule_name(kind: str, roles: tuple[str, ...]) -> str:
    return f"{kind}:{','.join(str(role) for role in roles)}" if roles else kind


def _guard(
    view: Callable[Concatenate[ViewerRequest, P], HttpResponseBase],
    *,
    rule: str,
    allows: Callable[[HttpRequest], bool],
    needs_person: bool = True,
    needs_organization: bool = False,
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if needs_person and not viewer_of(request).is_signed_in:
            return _to_sign_in(request)
        if needs_organization and not viewer_of(request).memberships:
            return redirect("start_organization")
        if not allows(request):
            raise NotFound
        return view(request, *args, **kwargs)  # type: ignore[arg-type] # the middleware set .viewer

    marked: Any = guarded
    marked.access_rule = rule
    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", marked)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if request.headers.get("HX-Request") == "true":
        # A redirect would be followed inside the fragment; this moves the whole page.
        return HttpResponse(headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
    if request.method not in {"GET", "HEAD"}:
        return redirect(settings.LOGIN_URL)
    return redirect_to_login(request.get_full_path())
