"""Who of the operating company may see what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts import selectors, services
from apim.accounts.policies import staff
from apim.dashboard import roles
from apim.dashboard.forms.operations import StaffRoleForm
from apim.dashboard.pages import FormPage, form_page, page_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@staff(*roles.ADMIN_ONLY)
def staff_list(request: ViewerRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    users = selectors.users(search=search, is_staff=None if search else True)
    return render(
        request, "dashboard/staff/list.html", {"page": page_of(request, users), "search": search}
    )


@staff(*roles.ADMIN_ONLY)
def set_role(request: ViewerRequest, user_id: str) -> HttpResponse:
    user = selectors.get_user(user_id)
    form = StaffRoleForm(request.POST or None, initial={"role": user.staff_role})

    def save() -> HttpResponse:
        services.set_staff_role(
            actor=request.viewer.actor, user=user, role=form.cleaned_data["role"]
        )
        messages.success(request, _("Saved."))
        return redirect("dashboard:staff")

    page = FormPage(
        title=_("Staff role of %(person)s") % {"person": user},
        verb=_("Save"),
        back_url=reverse("dashboard:staff"),
        intro=_("Admins see everything; each other role sees its part of the dashboard only."),
    )
    return form_page(request, form, page, save)
