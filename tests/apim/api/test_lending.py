"""What lending calls to gateways costs, for scripts."""

import pytest

from apim.core import clock
from apim.gateway.authorizer.lending import HOURS, LENT, RETURNED
from apim.gateway.lending import Measured, _store
from apim.gateway.redis_connection import connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def hour():
    """A full hour with figures."""
    store = connection()
    for name in store.scan_iter("x:lending:*"):
        store.delete(name)
    hour = int(clock.now().timestamp()) // 3600 * 3600
    store.hset(f"{HOURS}{hour}", mapping={LENT: 1200, RETURNED: 300})
    yield hour
    for name in store.scan_iter("x:lending:*"):
        store.delete(name)


def test_figures_of_lending_and_the_windows_that_were_used_up(pia_api, hour):
    _store(Measured("c:app_gone:prd_gone:day", 1000, 990, hour - 86_400, hour))
    told = pia_api.get("/api/v1/gateways/lending").json()

    assert (told["lent"], told["returned"], told["recalls"]) == (1200, 300, 0)
    assert (told["window_count"], told["never_made"], told["never_made_share"]) == (1, 10, 0.01)
    [window] = told["windows"]
    assert (window["owner"], window["kind"], window["window"]) == ("app_gone", "calendar", "day")
    assert (window["quota"], window["made"], window["never_made"]) == (1000, 990, 10)
