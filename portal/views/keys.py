"""API keys: issued and rotated with the secret shown once, renamed, extended, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apim.accounts.policies import member
from apim.core import clock
from apim.core.errors import DomainError
from apim.keys.rules import rules_of
from apim.keys.selectors import get_application, get_key, leak_reports
from apim.keys.services import (
    IssuedKey,
    change_key_rules,
    end_grace_now,
    extend_grace,
    issue_key,
    revoke_key,
    rotate_key,
    update_key,
)
from apim.ui.forms import add_domain_error
from portal import snippets
from portal.answers import form_page, secret_page
from portal.forms_keys import (
    ExtendGraceForm,
    IssueKeyForm,
    KeyRulesForm,
    RenameKeyForm,
    RotateKeyForm,
)
from portal.key_rows import calls_in_the_last_hour, key_row
from portal.roles import BUILDERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.keys.models import ApiKey, Application
    from apim.ui.forms import OneTimeForm


@member()
@require_GET
def key(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = get_key(request.viewer.current_organization, public_id)
    return render(
        request,
        "portal/keys/key.html",
        {
            "key": found,
            "row": key_row(found),
            "predecessor": key_row(found.predecessor) if hasattr(found, "predecessor") else None,
            "extend_form": ExtendGraceForm(key=found) if found.is_rotated else None,
            "samples": snippets.for_application(found.application),
            "limits": found.limits.all(),
            "leak": leak_reports(found.organization).filter(key=found).first(),
            "recent_calls": calls_in_the_last_hour(_old_one(found)),
            "now": clock.now(),
        },
    )


def _old_one(found: ApiKey) -> ApiKey:
    """Of two keys in a rotation the one that is to end."""
    predecessor: ApiKey | None = getattr(found, "predecessor", None)
    return predecessor if predecessor is not None and predecessor.is_usable else found


@member()
@require_GET
@never_cache
def seen(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Where the key was last seen: a part of its pages that a poll replaces."""
    found = get_key(request.viewer.current_organization, public_id)
    context = {"row": key_row(found), "recent_calls": calls_in_the_last_hour(found)}
    return render(request, "portal/keys/_seen.html", {**context, "now": clock.now()})


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
@never_cache
def issue(request: ViewerRequest, public_id: str) -> HttpResponse:
    application = get_application(request.viewer.current_organization, public_id)
    form = IssueKeyForm(request.POST or None, user=request.viewer.person, application=application)
    if request.method == "POST" and form.is_valid():
        if not form.spend():
            return _already_shown(request, application)
        try:
            issued = issue_key(
                actor=request.viewer.actor,
                application=application,
                environment=form.cleaned_data["environment"],
                name=form.cleaned_data["name"],
                expires_at=form.expires_at,
                rules=form.rules,
            )
        except DomainError as error:
            form.give_back()
            form.refuse(error)
        else:
            return _reveal(request, issued)
    return form_page(request, "portal/keys/issue.html", form, {"application": application})


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
@never_cache
def rotate(request: ViewerRequest, public_id: str) -> HttpResponse:
    old = get_key(request.viewer.current_organization, public_id)
    form = RotateKeyForm(request.POST or None, user=request.viewer.person, key=old)
    if request.method == "POST" and form.is_valid():
        if not form.spend():
            return _already_shown(request, old.application)
        try:
            issued = rotate_key(actor=request.viewer.actor, key=old, grace=form.chosen_grace)
        except DomainError as error:
            _refuse(form, error)
        else:
            old.refresh_from_db()
            return _reveal(request, issued, old=old)
    context = {
        "key": old,
        "row": key_row(old),
        "recent_calls": calls_in_the_last_hour(old),
        "now": clock.now(),
    }
    return form_page(request, "portal/keys/rotate.html", form, context)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def rules(request: ViewerRequest, public_id: str) -> HttpResponse:
    """What the key may do: operation groups, networks, origins, limits."""
    found = get_key(request.viewer.current_organization, public_id)
    form = KeyRulesForm(request.POST or None, application=found.application, key=found)
    form.show(rules_of(found))
    if request.method == "POST" and form.is_valid():
        try:
            change_key_rules(actor=request.viewer.actor, key=found, rules=form.rules)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The rules hold at the gateways within a second."))
            return redirect("portal:key", found.public_id)
    return form_page(request, "portal/keys/rules.html", form, {"key": found, "row": key_row(found)})


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def rename(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = get_key(request.viewer.current_organization, public_id)
    form = RenameKeyForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        update_key(actor=request.viewer.actor, key=found, name=form.cleaned_data["name"])
        messages.success(request, _("The key has been renamed."))
        return redirect("portal:key", found.public_id)
    return form_page(request, "portal/keys/rename.html", form, {"key": found})


@member(*BUILDERS)
@require_POST
def extend(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = get_key(request.viewer.current_organization, public_id)
    form = ExtendGraceForm(request.POST, key=found)
    if not form.is_valid():
        messages.error(request, _("Choose one of the offered times."))
        return redirect("portal:key", found.public_id)
    try:
        extend_grace(actor=request.viewer.actor, key=found, grace=form.chosen_grace)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The old key works for longer now."))
    return redirect("portal:key", found.public_id)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def end_grace(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = get_key(request.viewer.current_organization, public_id)
    if request.method == "POST":
        end_grace_now(actor=request.viewer.actor, key=found)
        messages.success(request, _("The old key has stopped working."))
        return redirect("portal:application", found.application.public_id)
    return _confirm_page(request, "portal/keys/end_grace.html", found)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def revoke(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = get_key(request.viewer.current_organization, public_id)
    if request.method == "POST":
        revoke_key(actor=request.viewer.actor, key=found)
        messages.success(request, _("Key %(key)s is revoked.") % {"key": found})
        return redirect("portal:application", found.application.public_id)
    return _confirm_page(request, "portal/keys/revoke.html", found)


def _confirm_page(request: ViewerRequest, template: str, found: ApiKey) -> HttpResponse:
    calls = calls_in_the_last_hour(found)
    return render(request, template, {"key": found, "row": key_row(found), "recent_calls": calls})


def _reveal(request: ViewerRequest, issued: IssuedKey, old: ApiKey | None = None) -> HttpResponse:
    return secret_page(
        request,
        "portal/keys/issued.html",
        {
            "key": issued.key,
            "secret": issued.secret,
            "old": old,
            "application": issued.key.application,
            "samples": snippets.for_application(issued.key.application, key=issued.secret),
        },
    )


def _already_shown(request: ViewerRequest, application: Application) -> HttpResponse:
    return secret_page(request, "portal/keys/already_shown.html", {"application": application})


def _refuse(form: OneTimeForm, error: DomainError) -> None:
    """Nothing was issued: show why, and let the corrected form be sent."""
    form.give_back()
    add_domain_error(form, error)
