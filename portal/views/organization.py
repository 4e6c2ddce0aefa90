"""The current organization: members, invitations, settings, activity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apim.accounts import selectors, services
from apim.accounts.models import Membership
from apim.accounts.policies import member
from apim.audit.selectors import changes_of, events
from apim.audit.wording import words_for
from apim.core.errors import DomainError
from apim.ui.forms import add_domain_error
from apim.ui.navigation import NavItem, NavSection, mark_active
from portal.answers import form_page, page_of
from portal.forms_account import InviteForm, OrganizationSettingsForm, RoleForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from apim.accounts.viewers import ViewerRequest

OWNER = Membership.Role.OWNER


def organization_sections(request: ViewerRequest) -> list[NavItem]:
    """The tabs of the organization's pages that this member may open."""
    items = [
        NavItem(
            _("Members"),
            reverse("portal:organization"),
            is_exact=True,
            also=("/organization/members/", "/organization/invitations/", "/organization/invite/"),
        ),
        NavItem(_("Access tokens"), reverse("portal:organization-tokens")),
    ]
    if request.viewer.has_role(OWNER):
        items += [
            NavItem(_("Activity"), reverse("portal:organization-activity")),
            NavItem(_("Settings"), reverse("portal:organization-settings")),
        ]
    return list(mark_active([NavSection(items)], request.path)[0].items)


def with_tabs(request: ViewerRequest, **context: Any) -> dict[str, Any]:
    return {
        "sections": organization_sections(request),
        "is_owner": request.viewer.has_role(OWNER),
        **context,
    }


def confirm_page(request: HttpRequest, **context: Any) -> HttpResponse:
    """The page that a dialog's link leads to without JavaScript.

    Context: title, consequence, confirm_label, back_url.
    """
    return render(request, "portal/organization/confirm.html", context)


@member()
@require_GET
def organization(request: ViewerRequest) -> HttpResponse:
    current = request.viewer.current_organization
    is_owner = request.viewer.has_role(OWNER)
    context = with_tabs(
        request,
        members=selectors.members(current),
        invitations=selectors.open_invitations(current) if is_owner else [],
    )
    return render(request, "portal/organization/members.html", context)


@member(OWNER)
@require_http_methods(["GET", "POST"])
def invite(request: ViewerRequest) -> HttpResponse:
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.invite_member(
                actor=request.viewer.actor,
                organization=request.viewer.current_organization,
                email=form.cleaned_data["email"],
                role=form.cleaned_data["role"],
            )
        except DomainError as error:
            add_domain_error(form, error)
        else:
            email = form.cleaned_data["email"]
            messages.success(
                request, _("The invitation to %(email)s is on its way.") % {"email": email}
            )
            return redirect("portal:organization")
    return form_page(request, "portal/organization/invite.html", form, with_tabs(request))


@member(OWNER)
@require_POST
def resend_invitation(request: ViewerRequest, public_id: str) -> HttpResponse:
    invitation = selectors.get_invitation(request.viewer.current_organization, public_id)
    services.resend_invitation(actor=request.viewer.actor, invitation=invitation)
    messages.success(
        request, _("The invitation to %(email)s was sent again.") % {"email": invitation.email}
    )
    return redirect("portal:organization")


@member(OWNER)
@require_http_methods(["GET", "POST"])
def revoke_invitation(request: ViewerRequest, public_id: str) -> HttpResponse:
    invitation = selectors.get_invitation(request.viewer.current_organization, public_id)
    if request.method == "POST":
        services.revoke_invitation(actor=request.viewer.actor, invitation=invitation)
        messages.success(request, _("The invitation was taken back."))
        return redirect("portal:organization")
    return confirm_page(
        request,
        title=_("Take the invitation back?"),
        consequence=_("The link that %(email)s got stops working.") % {"email": invitation.email},
        confirm_label=_("Take back"),
        back_url=reverse("portal:organization"),
    )


@member(OWNER)
@require_http_methods(["GET", "POST"])
def edit_member(request: ViewerRequest, public_id: str) -> HttpResponse:
    membership = selectors.get_membership(request.viewer.current_organization, public_id)
    form = RoleForm(request.POST or None, initial={"role": membership.role})
    if request.method == "POST" and form.is_valid():
        try:
            services.change_role(
                actor=request.viewer.actor, membership=membership, role=form.cleaned_data["role"]
            )
        except DomainError as error:
            add_domain_error(form, error)
        else:
            messages.success(request, _("The role has changed."))
            return redirect("portal:organization")
    context = with_tabs(request, membership=membership)
    return form_page(request, "portal/organization/member.html", form, context)


@member(OWNER)
@require_http_methods(["GET", "POST"])
def remove_member(request: ViewerRequest, public_id: str) -> HttpResponse:
    membership = selectors.get_membership(request.viewer.current_organization, public_id)
    if request.method == "POST":
        services.remove_member(actor=request.viewer.actor, membership=membership)
        messages.success(request, _("The member was removed."))
        return redirect("portal:organization")
    return confirm_page(
        request,
        title=_("Remove %(name)s?") % {"name": membership.user.get_full_name()},
        consequence=_(
            "They lose access at once, and their access tokens stop working. "
            "Applications and API keys stay."
        ),
        confirm_label=_("Remove member"),
        back_url=reverse("portal:organization"),
    )


@member()
@require_http_methods(["GET", "POST"])
def leave(request: ViewerRequest) -> HttpResponse:
    current = request.viewer.current_organization
    if request.method == "POST":
        own = Membership.objects.get(organization=current, user=request.viewer.person)
        services.remove_member(actor=request.viewer.actor, membership=own)
        messages.success(request, _("You have left %(name)s.") % {"name": current.name})
        return redirect("/")
    return confirm_page(
        request,
        title=_("Leave %(name)s?") % {"name": current.name},
        consequence=_("You lose access at once. An owner can invite you again."),
        confirm_label=_("Leave organization"),
        back_url=reverse("portal:organization"),
    )


@member(OWNER)
@require_http_methods(["GET", "POST"])
def settings(request: ViewerRequest) -> HttpResponse:
    current = request.viewer.current_organization
    initial = {
        "name": current.name,
        "time_zone": current.time_zone,
        "billing_email": current.billing_email,
    }
    form = OrganizationSettingsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_organization(
                actor=request.viewer.actor, organization=current, **form.cleaned_data
            )
        except DomainError as error:
            add_domain_error(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("portal:organization-settings")
    context = with_tabs(request, current=current)
    return form_page(request, "portal/organization/settings.html", form, context)


@member(OWNER)
@require_GET
def activity(request: ViewerRequest) -> HttpResponse:
    search = request.GET.get("search", "").strip()
    page = page_of(request, events(request.viewer.current_organization, search=search))
    rows = [
        {"event": event, "words": words_for(event.action), "changes": changes_of(event)}
        for event in page
    ]
    clear_url = reverse("portal:organization-activity") if search else ""
    context = with_tabs(request, page=page, rows=rows, search=search, clear_url=clear_url)
    return render(request, "portal/organization/activity.html", context)
