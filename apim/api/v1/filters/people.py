"""Query parameters of people and organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django_filters import BooleanFilter, CharFilter, ChoiceFilter, FilterSet

from apim.accounts.models import Organization, StaffRole

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.accounts.models import User


class OrganizationFilter(FilterSet):
    state = ChoiceFilter(choices=Organization.State.choices)
    search = CharFilter("name", "icontains", label="Part of the name")


class UserFilter(FilterSet):
    staff_role = ChoiceFilter(choices=StaffRole.choices[1:])
    is_staff = BooleanFilter(method="with_any_staff_role")
    search = CharFilter(method="named", label="Part of the e-mail address or name")

    def with_any_staff_role(
        self,
        rows: QuerySet[User],
        name: str,
        value: bool,  # noqa: FBT001 - the library calls it
    ) -> QuerySet[User]:
        del name
        return rows.exclude(staff_role="") if value else rows.filter(staff_role="")

    def named(self, rows: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        del name
        return rows.filter(Q(email__icontains=value) | Q(name__icontains=value))
