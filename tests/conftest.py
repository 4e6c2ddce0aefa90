"""Services first, Django second: settings read DATABASE_URL and REDIS_URL when they load.

For that reason DJANGO_SETTINGS_MODULE is set here and not in pyproject.toml.
"""

import os

import django
import pytest
from django.utils import timezone, translation

from tests.services import own_redis_database, start_services

_worker = os.environ.get("PYTEST_XDIST_WORKER")
if _worker is None:
    os.environ.update(start_services())
else:  # the controller has started the services, and its environment is ours
    os.environ["REDIS_URL"] = own_redis_database(os.environ["REDIS_URL"], _worker)

os.environ["DJANGO_SETTINGS_MODULE"] = "apim.settings.test"
django.setup()  # collecting needs the models: some tests are parametrized over them

pytest_plugins = ["tests.cast"]  # Alice, Bob, Charlie and the staff, for every test


@pytest.fixture(autouse=True)
def _no_reader_of_the_test_before():
    """Views activate their reader's language and time zone in the thread that serves them."""
    translation.activate("en")
    timezone.deactivate()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """A worker that inherited this would read settings before it has its own Redis database."""
    os.environ.pop("DJANGO_SETTINGS_MODULE")
