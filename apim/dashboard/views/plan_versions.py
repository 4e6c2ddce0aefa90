"""Plan versions: drafted in the price editor, tried on real usage, published, ended."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.accounts.selectors import get_organization
from apim.catalog.selectors import get_plan
from apim.core import clock
from apim.core.errors import InvalidInput, NotFound
from apim.dashboard import roles
from apim.dashboard.forms.prices import (
    PublishForm,
    SheetForm,
    VersionForm,
    initial_of,
)
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page
from apim.ui.formatting import day
from billing.price_words import sheets_of, worked_example
from billing.selectors import current_price, plan_versions
from billing.selectors.simulator import MONTHS, simulate
from billing.selectors.versions import get_version
from billing.services import (
    CURRENCIES,
    change_draft,
    delete_draft,
    draft_version,
    end_private_version,
    publish_version,
)
from billing.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse, QueryDict

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Plan
    from billing.models import PlanVersion

EDITORS = (*roles.CATALOG, *roles.MONEY)
EXAMPLE_UNITS = 100_000
MAX_EXAMPLE = 10**15
SHOWN_OUTCOMES = 50


def _url(version: PlanVersion) -> str:
    return reverse("dashboard:plan-version", args=[version.public_id])


def _plan_url(plan: Plan) -> str:
    return reverse("dashboard:plan-versions", args=[plan.public_id])


@staff(*EDITORS)
def version_list(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = get_plan(plan_id)
    rows = [(version, sheets_of(version)[0][1]) for version in plan_versions(plan)]
    context = {"plan": plan, "rows": rows, "now": clock.now()}
    return render(request, "dashboard/prices/versions.html", context)


@staff(*EDITORS)
def version_new(request: ViewerRequest, plan_id: str) -> HttpResponse:
    """`?organization=org_…` drafts that customer's private price."""
    plan = get_plan(plan_id)
    chosen = request.GET.get("organization", "")
    organization = get_organization(chosen) if chosen else None
    present = current_price(plan)
    form = VersionForm(request.POST or None, **_from(present))

    def save() -> HttpResponse:
        try:
            version = draft_version(
                actor=request.viewer.actor,
                plan=plan,
                sheets=[form.terms()],
                names=form.names(),
                organization=organization,
                tax_behavior=form.cleaned_data["tax_behavior"],
                cadence=form.cleaned_data["cadence"],
                months=form.cleaned_data["months"],
                payment=form.cleaned_data["payment"],
            )
        except InvalidInput as error:
            raise form.place(error) from error
        messages.success(request, _("The draft is saved: nobody pays it until it is published."))
        return redirect(_url(version))

    page = FormPage(
        title=_("New price of %(plan)s") % {"plan": plan},
        verb=_("Save draft"),
        back_url=_plan_url(plan),
        intro=_("Only for %(organization)s.") % {"organization": organization}
        if organization
        else _("A draft to begin with. It can be tried on real usage before it is published."),
        template="dashboard/prices/form.html",
    )
    return _edited(request, form, page, save)


@staff(*EDITORS)
def version_detail(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = get_version(version_id)
    units = _units(request.GET, "units")
    meters = {c.meter.slug: c.meter for c in version.components.all() if c.meter}
    asked = units if units is not None else EXAMPLE_UNITS
    quantities = {slug: Decimal(asked) for slug in meters}
    context = {
        "version": version,
        "plan": version.plan,
        "sheets": [
            (currency, rows, worked_example(version, quantities, currency))
            for currency, rows in sheets_of(version)
        ],
        "units": asked,
        "is_bad_number": units is None and "units" in request.GET,
        "other_currencies": [code for code in CURRENCIES if code not in version.currencies],
        "now": clock.now(),
    }
    return render(request, "dashboard/prices/version.html", context)


@staff(*EDITORS)
def sheet(request: ViewerRequest, version_id: str, currency: str) -> HttpResponse:
    """A draft's prices in one currency; one that it has none in begins with those of its own."""
    version = get_version(version_id)
    if not version.is_draft:
        raise NotFound
    known = currency in version.currencies
    if currency not in CURRENCIES:
        raise NotFound
    values = _from(version, currency if known else version.currency)
    form = SheetForm(request.POST or None, **values)
    form.fields["currency"].initial = form.initial["currency"] = currency
    form.fields["currency"].disabled = True

    def save() -> HttpResponse:
        changed = form.terms()
        sheets = [terms_of(version, code) for code in version.currencies]
        sheets = [changed if terms.currency == currency else terms for terms in sheets]
        if not known:
            sheets.append(changed)
        try:
            change_draft(
                actor=request.viewer.actor,
                version=version,
                sheets=sheets,
                names=_names(version) | form.names(),
            )
        except InvalidInput as error:
            raise form.place(error) from error
        messages.success(request, _("Saved."))
        return redirect(_url(version))

    page = FormPage(
        title=_("Prices in %(currency)s") % {"currency": currency},
        verb=_("Save"),
        back_url=_url(version),
        intro=str(version),
        template="dashboard/prices/form.html",
    )
    return _edited(request, form, page, save)


def _edited(
    request: ViewerRequest, form: SheetForm, page: FormPage, save: Callable[[], HttpResponse]
) -> HttpResponse:
    """The editor, or with `example` what its prices come to as they stand, saving nothing."""
    units = _units(request.POST, "example_units")
    context: dict[str, Any] = {"units": EXAMPLE_UNITS if units is None else units}
    if request.POST.get("more"):
        form.is_valid()  # what was typed stays, with room for more tiers; nothing is refused yet
        form.errors.clear()
        return render(request, page.template, {"page": page, "form": form, **context})
    if "example" not in request.POST:
        return form_page(request, form, page, save, **context)
    context |= {"bill": form.example(context["units"]), "is_asked": True, "form": form}
    is_fragment = bool(request.headers.get("HX-Request"))
    template = "dashboard/prices/_example.html" if is_fragment else page.template
    return render(request, template, {"page": page, **context})


@staff(*EDITORS)
def sheet_remove(request: ViewerRequest, version_id: str, currency: str) -> HttpResponse:
    version = get_version(version_id)
    if not version.is_draft or currency not in version.currencies[1:]:
        raise NotFound
    question = Question(
        title=_("Remove the prices in %(currency)s?") % {"currency": currency},
        consequence=_("The draft keeps its prices in other currencies."),
        verb=_("Remove"),
        back_url=_url(version),
    )
    kept = [terms_of(version, code) for code in version.currencies if code != currency]
    return confirm_page(
        request,
        question,
        lambda: change_draft(
            actor=request.viewer.actor, version=version, sheets=kept, names=_names(version)
        ),
        _("The prices in %(currency)s are removed.") % {"currency": currency},
    )


@staff(*EDITORS)
def publish(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = get_version(version_id)
    if not version.is_draft:
        raise NotFound
    form = PublishForm(request.POST or None)

    def save() -> HttpResponse:
        published = publish_version(
            actor=request.viewer.actor,
            version=version,
            starts_at=form.starts_at,
            moves_at=form.moves_at,
        )
        assert published.starts_at is not None
        messages.success(
            request, _("It is offered from %(day)s.") % {"day": day(published.starts_at)}
        )
        return redirect(_url(version))

    page = FormPage(
        title=_("Publish %(version)s") % {"version": version},
        verb=_("Publish"),
        back_url=_url(version),
        intro=_("Once published it never changes: a change is a new version."),
        template="dashboard/prices/publish.html",
    )
    context = {"version": version, "subscribers": version.plan.subscriptions.open().count()}
    return form_page(request, form, page, save, **context)


@staff(*EDITORS)
def delete(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = get_version(version_id)
    question = Question(
        title=_("Delete the draft %(version)s?") % {"version": version},
        consequence=_("Nobody pays it. It cannot be brought back."),
        verb=_("Delete"),
        back_url=_plan_url(version.plan),
    )
    return confirm_page(
        request,
        question,
        lambda: delete_draft(actor=request.viewer.actor, version=version),
        _("The draft is deleted."),
    )


@staff(*EDITORS)
def end(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = get_version(version_id)
    if version.organization is None:
        raise NotFound
    question = Question(
        title=_("End the private price of %(organization)s?")
        % {"organization": version.organization},
        consequence=_("From its next billing period on it pays what everybody pays."),
        verb=_("End"),
        back_url=_url(version),
    )
    return confirm_page(
        request,
        question,
        lambda: end_private_version(actor=request.viewer.actor, version=version),
        _("The private price has ended."),
    )


@staff(*EDITORS)
def simulation(request: ViewerRequest, version_id: str) -> HttpResponse:
    """The last months' real usage of the plan under this version; `?currency=` chooses prices."""
    version = get_version(version_id)
    chosen = request.GET.get("currency", "")
    currency = chosen if chosen in version.currencies else version.currency
    meters = {c.meter.slug: c.meter for c in version.components.all() if c.meter}
    found = simulate(
        version.plan,
        terms_of(version, currency),
        meters=meters,
        organization_id=version.organization_id,
    )
    context = {
        "version": version,
        "plan": version.plan,
        "currency": currency,
        "result": found,
        "winners": found.winners[:SHOWN_OUTCOMES],
        "losers": found.losers[:SHOWN_OUTCOMES],
        "months": MONTHS,
        "share": found.difference_minor / found.before_minor if found.before_minor else None,
    }
    return render(request, "dashboard/prices/simulation.html", context)


def _from(version: PlanVersion | None, currency: str = "") -> dict[str, Any]:
    """A form's arguments after a version's prices."""
    if version is None:
        return {"initial": {"fee_name": _("Base fee")}}
    terms = terms_of(version, currency)
    initial = {
        "fee_name": _("Base fee"),
        **{k: v for k, v in initial_of(terms, _names(version)).items() if v},
        "tax_behavior": version.tax_behavior,
        "cadence": version.cadence,
        "months": version.months,
        "payment": version.payment,
    }
    return {"initial": initial, "after": terms}


def _names(version: PlanVersion) -> dict[str, str]:
    return {c.key: c.name for c in version.components.all() if c.name}


def _units(given: QueryDict, name: str) -> int | None:
    try:
        units = int(given.get(name, ""))
    except ValueError:
        return None
    return units if 0 <= units <= MAX_EXAMPLE else None
