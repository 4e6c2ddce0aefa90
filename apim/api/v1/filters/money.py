"""Filters of billing's lists."""

from __future__ import annotations

from django_filters.rest_framework import CharFilter, FilterSet, IsoDateTimeFilter


class BillingPeriodFilter(FilterSet):
    organization = CharFilter("organization__public_id", label="Public id")
    ended_after = IsoDateTimeFilter("ends_at", "gt")
    ended_by = IsoDateTimeFilter("ends_at", "lte")
