"""Pages of accounts that belong to no edge: organizations to choose from, and invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apim.accounts import services
from apim.accounts.errors import AlreadyMember, InvitationClosed
from apim.accounts.forms import OrganizationForm
from apim.accounts.policies import public, signed_in
from apim.accounts.selectors import get_organization_of, invitation_by_secret, invitations_for
from apim.accounts.viewers import ORGANIZATION_SESSION_KEY
from apim.core.errors import InvalidInput, NotFound
from apim.ui.forms import add_domain_error

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from apim.accounts.models import Invitation, Organization, User
    from apim.accounts.viewers import ViewerRequest


def safe_next(request: HttpRequest, default: str = "/") -> str:
    """The `next` parameter when it stays on this site, else `default`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else default


def enter(request: HttpRequest, organization: Organization) -> None:
    """Make it the current organization of this session."""
    request.session[ORGANIZATION_SESSION_KEY] = organization.public_id


@signed_in
@require_POST
def switch_organization(request: ViewerRequest) -> HttpResponse:
    wanted = request.POST.get("organization", "").replace("\0", "")
    enter(request, get_organization_of(request.viewer.person, wanted))
    return redirect(safe_next(request))


@signed_in
@require_http_methods(["GET", "POST"])
def start_organization(request: ViewerRequest) -> HttpResponse:
    """Create an organization, or join one that has invited this person."""
    form = OrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            organization = services.create_organization(
                actor=request.viewer.actor,
                owner=request.viewer.person,
                name=form.cleaned_data["name"],
                time_zone=request.viewer.person.time_zone,
            )
        except InvalidInput as error:
            add_domain_error(form, error)
        else:
            enter(request, organization)
            return redirect("portal:organization")
    status = 422 if form.errors else 200
    context = {"form": form, "invitations": invitations_for(request.viewer.person)}
    return render(request, "account/start_organization.html", context, status=status)


@signed_in
@require_POST
def join_organization(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Accept an invitation to one's own verified address without its link."""
    invitation = invitations_for(request.viewer.person).filter(public_id=public_id).first()
    if invitation is None:
        raise NotFound
    return _join(request, invitation, invitation.secret)


@public
@require_http_methods(["GET", "POST"])
def invitation(request: ViewerRequest, secret: str) -> HttpResponse:
    """Where the mailed link leads; joining takes a press, because mail scanners open links."""
    try:
        found = invitation_by_secret(secret)
    except NotFound:
        return render(request, "account/invitation_closed.html", status=404)
    user = request.viewer.user
    if request.method == "POST":
        return _join(request, found, secret) if user else _sign_up_for(request, found)
    response = render(
        request,
        "account/invitation.html",
        {
            "invitation": found,
            "may_accept": user is not None and _is_addressed_to(found, user),
            "sign_in_url": f"{reverse('account_login')}?{urlencode({'next': request.path})}",
        },
    )
    patch_cache_control(response, private=True, no_store=True)
    return response


def _is_addressed_to(invitation: Invitation, user: User) -> bool:
    own = EmailAddress.objects.filter(user=user, email__iexact=invitation.email, verified=True)
    return bool(own.exists())


def _sign_up_for(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Whoever opened the mailed link owns the address: sign-up asks for no second proof."""
    get_adapter().stash_verified_email(request, invitation.email)
    query = urlencode({"next": request.path, "email": invitation.email})
    return redirect(f"{reverse('account_signup')}?{query}")


def _join(request: ViewerRequest, invitation: Invitation, secret: str) -> HttpResponse:
    try:
        services.accept_invitation(
            user=request.viewer.person, secret=secret, actor=request.viewer.actor
        )
    except AlreadyMember:
        messages.info(request, _("You are already a member."))
    except InvitationClosed:
        return render(request, "account/invitation_closed.html", status=404)
    else:
        name = invitation.organization.name
        messages.success(request, _("Welcome to %(name)s.") % {"name": name})
    enter(request, invitation.organization)
    return redirect("/")
