"""Rulesets that judge descriptions, and the gates that ask for what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.catalog import services
from apim.catalog.ruleset_selectors import apis_with_gates, get_gate, get_ruleset, ruleset_list
from apim.catalog.ruleset_selectors import gates as all_gates
from apim.catalog.selectors import get_api
from apim.catalog.services.linting import compiled
from apim.dashboard import roles
from apim.dashboard.forms.governance import GateForm, RulesetForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Api

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
    context = {
        "rulesets": ruleset_list(),
        "gates": all_gates(),
        "exceptions": apis_with_gates(),
    }
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
def api_gates(request: ViewerRequest, api_id: str) -> HttpResponse:
    """What is asked of the versions of one API: its own gates, or those for all."""
    api = get_api(api_id)
    return render(request, "dashboard/rulesets/of_api.html", {"api": api, "gates": all_gates(api)})


@staff(*roles.CATALOG)
def gate_edit(request: ViewerRequest, transition: str, api_id: str = "") -> HttpResponse:
    """The gate for all APIs or, with `api_id`, the one of an API."""
    api = get_api(api_id) if api_id else None
    gate = get_gate(transition, api)
    form = GateForm(request.POST or None, gate=gate)
    back_url = _gates_url(api)

    def save() -> HttpResponse:
        values = form.cleaned_data
        services.set_gate(
            actor=request.viewer.actor,
            transition=gate.transition,
            api=api,
            has_min_score="min_score" in values,
            **values,
        )
        messages.success(request, _("Saved. It holds from now on."))
        return redirect(back_url)

    page = FormPage(
        title=_("Before: %(transition)s") % {"transition": gate},
        verb=_("Save"),
        back_url=back_url,
        intro=_("This holds for versions of %(api)s only, in place of what holds for all APIs.")
        % {"api": api}
        if api
        else _("A transition that does not meet this is refused, with the reason and a remedy."),
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def gate_remove(request: ViewerRequest, api_id: str, transition: str) -> HttpResponse:
    api = get_api(api_id)
    gate = get_gate(transition, api)
    question = Question(
        title=_("Ask of %(api)s what is asked of all APIs?") % {"api": api},
        consequence=_("Before “%(transition)s”, what it asks for itself is gone.")
        % {"transition": gate},
        verb=_("Use those for all"),
        back_url=_gates_url(api),
    )
    return confirm_page(
        request,
        question,
        lambda: services.remove_gate(
            actor=request.viewer.actor, transition=gate.transition, api=api
        ),
        _("What holds for all APIs holds for %(api)s again.") % {"api": api},
    )


def _gates_url(api: Api | None) -> str:
    if api is None:
        return reverse("dashboard:rulesets")
    return reverse("dashboard:api-gates", args=[api.public_id])
