import os
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from django.conf import settings
from django.db import connection

from apim.gateway import discovery, grants
from apim.gateway.redis_connection import connection as redis_connection
from apim.gateway.services import token_memory
from tests.apim.gateway.stage import Authorizer, Upstream
from tests.apim.gateway.world import make_world


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="session")
def test_database_url(django_db_setup):
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


@pytest.fixture(scope="session")
def authorizer(folder):
    process = Authorizer(folder, redis_url=settings.REDIS_URL)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def second_authorizer(folder):
    process = Authorizer(folder, redis_url=settings.REDIS_URL, name="authorizer2")
    yield process
    process.stop()


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture
def store() -> redis.Redis:
    """Redis without anything of an earlier test."""
    client = redis_connection()
    names = [*client.scan_iter("g:*"), *client.scan_iter("x:*"), *client.scan_iter("c:*")]
    if names:
        client.delete(*names)
        client.publish("g:changed", b" ".join(names))
    discovery.current.forget()
    token_memory.forget()
    return client


@pytest.fixture
def world(db, store):
    """Everything for one allowed call, and projected."""
    made = make_world()
    grants.project_all()
    return made
