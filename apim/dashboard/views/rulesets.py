"""Rulesets that judge descriptions, and the gates that ask for what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.catalog import services
from apim.catalog.ruleset_selectors import gates as all_gates
from apim.catalog.ruleset_selectors import get_gate, get_ruleset, ruleset_list
from apim.catalog.services.linting import compiled
from apim.dashboard import roles
from apim.dashboard.forms.governance import GateForm, RulesetForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest

EXAMPLE = """\
extends: ["spectral:oas"]
rules:
  # Names of paths are words with hyphens.
  path-is-kebab-case:
    description: Paths are words in small letters, joined by hyphens.
    message: "{{property}} is not written with hyphens."
    severity: warn
    given: $.paths[*]~
    then:
      function: pattern
      functionOptions:
        match: "^(/([a-z0-9]+(-[a-z0-9]+)*|{[^}]+}))+$"
"""


@staff(*roles.CATALOG)
def ruleset_rows(request: ViewerRequest) -> HttpResponse:
    context = {"rulesets": ruleset_list(), "gates": all_gates()}
    return render(request, "dashboard/rulesets/list.html", context)


@staff(*roles.CATALOG)
def ruleset_new(request: ViewerRequest) -> HttpResponse:
    form = RulesetForm(request.POST or None, initial={"text": EXAMPLE})

    def save() -> HttpResponse:
        made = services.create_ruleset(actor=request.viewer.actor, **form.cleaned_data)
        messages.success(request, _("%(ruleset)s judges from now on.") % {"ruleset": made})
        return redirect("dashboard:ruleset", made.public_id)

    page = FormPage(
        title=_("New ruleset"),
        verb=_("Add ruleset"),
        back_url=reverse("dashboard:rulesets"),
        intro=_("The newest and the published revision of each of its APIs are judged anew."),
        template="dashboard/rulesets/form.html",
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def ruleset_edit(request: ViewerRequest, ruleset_id: str) -> HttpResponse:
    ruleset = get_ruleset(ruleset_id)
    form = RulesetForm(
        request.POST or None, initial=RulesetForm.initial_of(ruleset), ruleset=ruleset
    )

    def save() -> HttpResponse:
        services.update_ruleset(actor=request.viewer.actor, ruleset=ruleset, **form.cleaned_data)
        messages.success(request, _("Saved. Descriptions are judged anew in a moment."))
        return redirect("dashboard:ruleset", ruleset.public_id)

    page = FormPage(
        title=str(ruleset),
        verb=_("Save"),
        back_url=reverse("dashboard:rulesets"),
        intro=_("It comes with the platform: it can be switched off or restricted to APIs.")
        if ruleset.built_in
        else "",
        template="dashboard/rulesets/form.html",
    )
    return form_page(
        request,
        form,
        page,
        save,
        ruleset=ruleset,
        rules=sorted(compiled(ruleset).rules.values(), key=lambda rule: rule.name),
        revisions=ruleset.revisions.all(),
    )


@staff(*roles.CATALOG)
def ruleset_remove(request: ViewerRequest, ruleset_id: str) -> HttpResponse:
    ruleset = get_ruleset(ruleset_id)
    question = Question(
        title=_("Remove the ruleset %(ruleset)s?") % {"ruleset": ruleset},
        consequence=_("Its rules judge no more, and its earlier texts are gone too."),
        verb=_("Remove"),
        back_url=reverse("dashboard:rulesets"),
    )
    return confirm_page(
        request,
        question,
        lambda: services.delete_ruleset(actor=request.viewer.actor, ruleset=ruleset),
        _("%(ruleset)s is removed.") % {"ruleset": ruleset},
    )


@staff(*roles.CATALOG)
def gate_edit(request: ViewerRequest, transition: str) -> HttpResponse:
    gate = get_gate(transition)
    form = GateForm(request.POST or None, gate=gate)

    def save() -> HttpResponse:
        values = form.cleaned_data
        services.set_gate(
            actor=request.viewer.actor,
            transition=gate.transition,
            has_min_score="min_score" in values,
            **values,
        )
        messages.success(request, _("Saved. It holds from now on."))
        return redirect("dashboard:rulesets")

    page = FormPage(
        title=_("Before: %(transition)s") % {"transition": gate},
        verb=_("Save"),
        back_url=reverse("dashboard:rulesets"),
        intro=_("A transition that does not meet this is refused, with the reason and a remedy."),
    )
    return form_page(request, form, page, save)
