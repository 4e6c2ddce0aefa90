"""What the usage pages show, of an organization or of one of its applications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.reports import UsageFilters
from analytics.selectors import best_bucket, usage_by, usage_series, usage_totals
from apim.catalog.models import Api
from apim.keys import selectors as keys
from apim.keys.models import ApiKey, Subscription
from apim.ui.components.charts import Series
from portal.limits import limit_rows
from portal.periods import (
    DEFAULT,
    PRESETS,
    Chosen,
    InstantField,
    bucket_labels,
    choose,
    field_text,
    zone_label,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

    from analytics.reports import UsageRow, UsageSeries
    from apim.accounts.models import Organization
    from apim.core.clock import Period
    from apim.keys.models import Application

# Status classes in the order of the chart, with the tone of those that mean trouble.
STATUS_CLASSES = (("2xx", ""), ("3xx", ""), ("4xx", ""), ("5xx", "danger"))
TABLE_ROWS = 10
# Public ids that links of invoices name; the filters keep them and offer no choice of them.
NARROWING = ("subscription", "plan")
DIMENSIONS = {
    "operation": gettext_lazy("Operation"),
    "application": gettext_lazy("Application"),
    "key": gettext_lazy("API key"),
    "api": "API",
    "client": gettext_lazy("Client"),
    "country": gettext_lazy("Country"),
}


HEADINGS = {
    "operation": gettext_lazy("By operation"),
    "application": gettext_lazy("By application"),
    "key": gettext_lazy("By API key"),
    "api": gettext_lazy("By API"),
    "client": gettext_lazy("By client"),
    "country": gettext_lazy("By country"),
}
UNITS = {
    "minute": gettext_lazy("calls per minute"),
    "hour": gettext_lazy("calls per hour"),
    "day": gettext_lazy("calls per day"),
}


class UsageFilterForm(forms.Form):
    """Every field is a query parameter; a value of somebody else's simply matches nothing."""

    range = forms.ChoiceField(
        label=gettext_lazy("Period"), choices=list(PRESETS.items()), required=False
    )
    since = InstantField(label=gettext_lazy("From, UTC"), required=False)
    until = InstantField(label=gettext_lazy("To, UTC"), required=False, is_end=True)
    application = forms.ChoiceField(label=gettext_lazy("Application"), required=False)
    key = forms.ChoiceField(label=gettext_lazy("API key"), required=False)
    api = forms.ChoiceField(label="API", required=False)
    environment = forms.ChoiceField(
        label=gettext_lazy("Environment"),
        required=False,
        choices=[("", gettext_lazy("Live and test")), *ApiKey.Environment.choices],
    )

    def __init__(
        self, data: Any, organization: Organization, application: Application | None
    ) -> None:
        super().__init__({"range": DEFAULT, **data.dict()})
        # `from` and `to` are what people read in the URL; `from` is no Python name.
        for python_name, name in (("since", "from"), ("until", "to")):
            field = self.fields.pop(python_name)
            field.widget = forms.TextInput(attrs={"type": "datetime-local"})
            self.fields[name] = field
        if application is not None:
            del self.fields["application"]
        else:
            self._offer("application", _("All applications"), _applications(organization))
        self._offer("key", _("All keys"), _keys(organization, application))
        self._offer("api", _("All APIs"), _apis(organization))
        self.order_fields(["range", "from", "to", "application", "key", "api", "environment"])
        self.narrowed_by = {name: self.data[name] for name in NARROWING if self.data.get(name)}

    def _offer(self, name: str, everything: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", everything), *choices]

    def chosen(self) -> Chosen:
        cleaned = self.cleaned_data
        return choose(cleaned.get("range") or DEFAULT, cleaned.get("from"), cleaned.get("to"))

    def show(self, period: Period) -> None:
        """Write the span into its fields in the only form that the browser's control reads."""
        self.data = {
            **self.data,
            "from": field_text(period.start),
            "to": field_text(period.end),
        }


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """What is asked, whoever renders the answer."""

    organization: Organization
    form: UsageFilterForm
    chosen: Chosen
    filters: UsageFilters

    @property
    def bucket(self) -> Any:
        return best_bucket(self.chosen.period)

    def series(self, group_by: Any = None) -> UsageSeries:
        return usage_series(
            self.organization,
            period=self.chosen.period,
            bucket=self.bucket,
            group_by=group_by,
            filters=self.filters,
        )

    def rows(self, dimension: Any, limit: int = TABLE_ROWS) -> tuple[UsageRow, ...]:
        return usage_by(
            self.organization,
            period=self.chosen.period,
            dimension=dimension,
            filters=self.filters,
            limit=limit,
        )


def read_query(
    request: HttpRequest, organization: Organization, application: Application | None = None
) -> UsageQuery:
    """The query that the URL describes; parameters that make no sense are left out."""
    form = UsageFilterForm(request.GET, organization, application)
    form.is_valid()
    cleaned = form.cleaned_data
    filters = UsageFilters(
        application=application.pk if application else cleaned.get("application") or None,
        key=cleaned.get("key") or None,
        api=cleaned.get("api") or None,
        environment=cleaned.get("environment") or None,
        subscription=form.narrowed_by.get("subscription"),
        plan=form.narrowed_by.get("plan"),
    )
    chosen = form.chosen()
    form.show(chosen.period)
    return UsageQuery(organization, form, chosen, filters)


def usage_context(
    request: HttpRequest, organization: Organization, application: Application | None = None
) -> dict[str, Any]:
    """The whole page: filters, the live part, and the tables beneath."""
    query = read_query(request, organization, application)
    return {
        "query": query,
        "filter_form": query.form,
        "clear_url": request.path if request.GET else "",
        **_links(request, query, application),
        **live_context(query),
        "limits": _limits(organization, application),
    }


def _links(
    request: HttpRequest, query: UsageQuery, application: Application | None
) -> dict[str, str]:
    """Addresses of the live part and the export, with the same filters."""
    kept = request.GET.copy()
    if application is not None:
        kept["of"] = application.public_id
    narrowing = request.GET.copy()
    for name in ("range", "from", "to"):
        narrowing.pop(name, None)
    exact = "&".join(part for part in (query.chosen.query, narrowing.urlencode()) if part)
    kept.setdefault("range", query.chosen.preset)
    return {
        "live_url": f"{reverse('portal:usage-live')}?{kept.urlencode()}",
        "export_url": f"{reverse('portal:usage-export')}?{kept.urlencode()}",
        "exact_url": f"?{exact}",
    }


def live_context(query: UsageQuery) -> dict[str, Any]:
    """What changes with every call."""
    series = query.series("status")
    names = ["operation", "key"] if query.filters.application else list(DIMENSIONS)[:3]
    tables = [(name, DIMENSIONS[name], HEADINGS[name], query.rows(name)) for name in names]
    for name in ("client", "country"):
        rows = query.rows(name)
        if any(row.key for row in rows):  # most gateways do not know the country
            tables.append((name, DIMENSIONS[name], HEADINGS[name], rows))
    return {
        "chosen": query.chosen,
        "totals": usage_totals(
            query.organization, period=query.chosen.period, filters=query.filters
        ),
        "chart_series": _status_series(series),
        "chart_labels": bucket_labels(series.buckets, series.bucket),
        "chart_period": f"{query.chosen.label}, {zone_label(series.bucket)}",
        "chart_unit": UNITS[series.bucket],
        "is_last_open": series.is_last_open,
        "tables": tables,
    }


def _status_series(series: UsageSeries) -> list[Series]:
    """Calls by status class, always in the same order; a class that never came is left out."""
    found = {part.key: part.calls for part in series.series}
    drawn = [
        Series(label=name, values=found[name], tone=tone)
        for name, tone in STATUS_CLASSES
        if name in found
    ]
    rest = [part for part in series.series if part.key not in dict(STATUS_CLASSES)]
    drawn += [Series(label=part.label or _("Other"), values=part.calls) for part in rest]
    return drawn or [Series(label=_("Calls"), values=[0] * len(series.buckets))]


def _limits(organization: Organization, application: Application | None) -> list[Any]:
    rows = keys.subscriptions(organization).filter(state=Subscription.State.ACTIVE)
    if application is not None:
        rows = rows.filter(application=application)
    return limit_rows(list(rows[:20]))


def _applications(organization: Organization) -> list[tuple[str, str]]:
    return list(keys.applications(organization).values_list("public_id", "name"))


def _keys(organization: Organization, application: Application | None) -> list[tuple[str, str]]:
    rows = keys.api_keys(organization)
    if application is not None:
        rows = rows.filter(application=application)
    return [(key.public_id, f"{key.name} ({key})" if key.name else str(key)) for key in rows[:200]]


def _apis(organization: Organization) -> list[tuple[str, str]]:
    """The APIs that the organization has ever subscribed to."""
    rows = Api.objects.filter(versions__products__subscriptions__organization=organization)
    return list(rows.distinct().values_list("public_id", "name"))
