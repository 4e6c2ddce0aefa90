import pytest

from tests.e2e.stack import running_stack


@pytest.fixture(scope="module")
def stack():
    with running_stack() as started:
        yield started
