"""What a deployment answers before any view does."""

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver


def _machine_paths():
    """Every address at which gateways speak."""
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLResolver) and str(entry.urlconf_name.__name__) in {
            "analytics.urls",
            "apim.gateway.urls",
        }:
            for pattern in entry.url_patterns:
                assert isinstance(pattern, URLPattern)
                yield re.sub(r"<\w+:\w+>", "x", str(pattern.pattern))


@pytest.fixture
def production(monkeypatch, settings):
    for name in ("SECRET_KEY", "APIM_KEY_PEPPER", "APIM_AUTHORIZER_TOKEN"):
        monkeypatch.setenv(name, f"1:{name.lower()}-{'x' * 40}")
    from apim.settings import production  # noqa: PLC0415 - it reads the environment

    settings.SECURE_SSL_REDIRECT = production.SECURE_SSL_REDIRECT
    settings.SECURE_REDIRECT_EXEMPT = production.SECURE_REDIRECT_EXEMPT


@pytest.mark.django_db
def test_gateways_may_speak_plain_http_at_every_one_of_their_addresses(client, production):
    paths = list(_machine_paths())
    assert len(paths) > 10
    for path in paths:
        assert client.post(f"/{path}").status_code in {401, 403}, path
    assert client.get("/apps/").status_code == 301
