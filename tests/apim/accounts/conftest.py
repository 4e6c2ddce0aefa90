import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def fresh_rate_limits():
    """Attempts of one test must not count in the next."""
    cache.clear()
