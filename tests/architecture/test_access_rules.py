"""No URL without a decision about who may use it."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

# allauth's views decide for themselves: they are for anybody or ask for a login.
FOREIGN_ROUTES = ("accounts/",)


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, route)
        else:
            yield route, entry


def _views():
    for route, entry in _patterns(get_resolver()):
        view = entry.callback
        view_class = getattr(view, "cls", None) or getattr(view, "view_class", None)
        if not route.startswith(FOREIGN_ROUTES):
            yield pytest.param(view, view_class, id=route or "/")


@pytest.mark.parametrize(("view", "view_class"), list(_views()))
def test_every_view_states_its_access_rule(view, view_class):
    rule = getattr(view, "access_rule", None) or getattr(view_class, "access_rule", None)
    assert isinstance(rule, str), "decorate the view with a policy of apim.accounts.policies"
    assert rule
