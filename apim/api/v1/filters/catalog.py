"""Query parameters of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django_filters import BooleanFilter, CharFilter, ChoiceFilter, FilterSet

from apim.catalog.models import ApiVersion, Plan, Product

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.catalog.models import Api, Operation


class ApiFilter(FilterSet):
    slug = CharFilter("slug")
    tag = CharFilter("tags", "contains", method="tagged")
    search = CharFilter(method="named", label="Part of name or summary")

    def tagged(self, rows: QuerySet[Api], name: str, value: str) -> QuerySet[Api]:
        return rows.filter(**{f"{name}__contains": [value]})

    def named(self, rows: QuerySet[Api], name: str, value: str) -> QuerySet[Api]:
        del name
        return rows.filter(Q(name__icontains=value) | Q(summary__icontains=value))


class VersionFilter(FilterSet):
    api = CharFilter("api__public_id", label="Public id")
    name = CharFilter("name")
    state = ChoiceFilter(choices=ApiVersion.State.choices)


class OperationFilter(FilterSet):
    method = CharFilter("method", "iexact")
    is_deprecated = BooleanFilter("is_deprecated")
    search = CharFilter(method="named", label="Part of path, id or summary")

    def named(self, rows: QuerySet[Operation], name: str, value: str) -> QuerySet[Operation]:
        del name
        return rows.filter(
            Q(path__icontains=value)
            | Q(operation_id__icontains=value)
            | Q(summary__icontains=value)
        )


class ProductFilter(FilterSet):
    slug = CharFilter("slug")
    state = ChoiceFilter(choices=Product.State.choices)
    search = CharFilter("name", "icontains", label="Part of the name")


class PlanFilter(FilterSet):
    product = CharFilter("product__public_id", label="Public id")
    state = ChoiceFilter(choices=Plan.State.choices)
    approval = ChoiceFilter(choices=Plan.Approval.choices)
