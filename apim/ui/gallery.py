"""Every component in every state, on one page, for the people who build pages."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apim.ui.components.actions import Sample
from apim.ui.components.charts import Series
from apim.ui.components.states import LOOKS, METHOD_TONES
from apim.ui.navigation import (
    NavItem,
    NavSection,
    OrganizationChoice,
    OrganizationMenu,
    mark_active,
)
from apim.ui.views import access_rule

LAYOUTS = ("portal", "dashboard")
TONES = ("info", "ok", "warn", "danger")


class ExampleForm(forms.Form):
    """One field of every kind that our pages use."""

    name = forms.CharField(label=_("Name"), help_text=_("Shown to your team only."))
    email = forms.EmailField(label=_("E-mail address"), required=False)
    environment = forms.ChoiceField(
        label=_("Environment"), choices=[("test", _("Test")), ("live", _("Live"))]
    )
    approval = forms.ChoiceField(
        label=_("Approval"),
        choices=[("automatic", _("Automatic")), ("manual", _("Somebody looks at each request"))],
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[("read", _("Read")), ("write", _("Write"))],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    document = forms.FileField(label=_("OpenAPI document"), required=False)
    notes = forms.CharField(label=_("Notes"), widget=forms.Textarea, required=False)
    agree = forms.BooleanField(label=_("Send me a mail when a limit is near"))


def _navigation(layout: str, path: str) -> list[NavSection]:
    if layout == "portal":
        labels = [
            (_("Catalog"), "book-open"),
            (_("Guides"), "file-text"),
            (_("Applications"), "boxes"),
            (_("Usage"), "chart-column"),
            (_("Billing"), "credit-card"),
            (_("Organization"), "building-2"),
        ]
        items = [NavItem(label, f"#{icon}", icon) for label, icon in labels]
        items[2] = NavItem(_("Applications"), path, "boxes")
        return mark_active([NavSection(items)], path)
    work = [
        NavItem(_("Overview"), path, "layout-dashboard"),
        NavItem(_("APIs"), "#a", "layers"),
        NavItem(_("Products"), "#p", "package"),
        NavItem(_("Organizations"), "#o", "building-2", count=3),
        NavItem(_("Usage"), "#u", "chart-column"),
        NavItem(_("Gateways"), "#g", "network"),
        NavItem(_("Audit"), "#t", "scroll-text"),
        NavItem(_("Jobs"), "#j", "list-checks"),
    ]
    money = [NavItem(_("Revenue"), "#r", "banknote"), NavItem(_("Invoices"), "#i", "receipt")]
    return mark_active([NavSection(work), NavSection(money, _("Finance"))], path)


def _data() -> dict[str, Any]:
    """Made-up numbers; this page is never reachable in production."""
    now = timezone.now()
    hours = [f"{hour:02}:00" for hour in range(24)]
    calls = [round(400 + 300 * ((hour - 12) ** 2 % 37) / 37) + hour * 12 for hour in range(24)]
    errors = [(hour * 7) % 23 for hour in range(24)]
    gap: list[float | None] = [*calls[:9], None, None, *calls[11:]]
    spark = [(day * 37) % 90 if day % 9 else 0 for day in range(30)]
    return {
        "now": now,
        "minutes_ago": now - timedelta(minutes=4),
        "days_ahead": now + timedelta(days=12),
        "hours": hours,
        "line": [Series(_("Calls"), gap), Series(_("Errors"), errors, tone="danger")],
        "stack": [
            Series("2xx", calls),
            Series("4xx", errors),
            Series("5xx", [value // 3 for value in errors], tone="danger"),
        ],
        "operations": ["GET /sun/times", "GET /sun/position", "POST /distance", "GET /moon"],
        "bars": [Series(_("Calls"), [12040, 8300, 2210, 480])],
        "spark": spark,
        "spark_errors": [value // 5 if index % 4 == 0 else 0 for index, value in enumerate(spark)],
        "quiet": [0] * 30,
        "samples": [
            Sample("curl", 'curl -H "X-API-Key: $KEY" \\\n  "$GATEWAY/sun/times?date=2026-06-21"'),
            Sample("Python", 'httpx.get(url, headers={"X-API-Key": key})'),
            Sample("JavaScript", 'await fetch(url, { headers: { "X-API-Key": key } })'),
        ],
    }


@access_rule("development only")
def components(request: HttpRequest) -> HttpResponse:
    """`?layout=` shows the frame of either edge; the form answers 422 when sent empty."""
    if not settings.APIM_DEVELOPMENT_PAGES:
        raise Http404
    layout = request.GET.get("layout", "portal")
    layout = layout if layout in LAYOUTS else "portal"
    form = ExampleForm(request.POST if request.method == "POST" else None)
    is_refused = request.method == "POST" and not form.is_valid()
    if "message" in request.GET:
        messages.success(request, _("The application was created."))
    context = {
        **_data(),
        "layout_template": f"layouts/{layout}.html",
        "layout": layout,
        "nav": _navigation(layout, request.path),
        "organization_menu": OrganizationMenu(
            "Aurora Navigation",
            [
                OrganizationChoice("org_1", "Aurora Navigation", is_current=True, note=_("Owner")),
                OrganizationChoice("org_2", "Bright Harbour Cartography and Surveying"),
            ],
            switch_url="#",
            create_url="#new",
        ),
        "environment": "test",
        "account_menu": [NavItem(_("Profile"), "#profile", "user")],
        "form": form,
        "errors_form": ExampleForm({"wrong-email": "nobody"}, prefix="wrong"),
        "states": list(LOOKS),
        "methods": list(METHOD_TONES),
        "tones": TONES,
        "page": Paginator(range(1204), 25).get_page(request.GET.get("page")),
        "long_name": "An application whose owner gave it a remarkably long and windy name, twice",
        "secret": "ak_test_0123456789abcdefghijABCDEFGHIJ0a1B2c",
    }
    return render(request, "components/gallery.html", context, status=422 if is_refused else 200)
