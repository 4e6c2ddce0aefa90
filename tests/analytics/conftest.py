import pytest

from tests.analytics.lines import make_customer, make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def charlie(world):
    """Another organization on the same plan; must never be seen by the first."""
    return make_customer("Charlie", world.plan)
