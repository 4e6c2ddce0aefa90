"""Keys from their services to the authorizer's answer: imported, hashed anew, restricted, revoked."""

from datetime import timedelta

import pytest

from apim.audit.actors import SYSTEM
from apim.gateway import rehash
from apim.keys import secrets, services
from apim.keys.models import ApiKey
from apim.keys.rules import KeyRules
from apim.keys.services import ImportedKey
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

FOREIGN = "sk-of.another/system~42"


def status(authorizer, world, key, **headers):
    return authorizer.check(f"{world.path}/x", {"x-api-key": key, **headers}).status_code


def test_an_imported_key_works_is_hashed_anew_on_use_and_ends_when_revoked(
    authorizer, world, store
):
    store.delete(secrets.REHASH_LIST)
    assert status(authorizer, world, FOREIGN) == 401
    row = ImportedKey(hash=secrets.plain_digest(FOREIGN), name="Taken over")
    (key,) = services.import_keys(actor=SYSTEM, application=world.application, rows=[row])
    eventually(lambda: status(authorizer, world, FOREIGN) == 200)

    eventually(rehash.take_rehashed)
    key.refresh_from_db()
    assert key.pepper_version == 1
    assert key.digest != row.hash
    assert store.get(f"g:key:{row.hash}") is None
    assert status(authorizer, world, FOREIGN) == 200

    services.revoke_key(actor=SYSTEM, key=key)
    eventually(lambda: status(authorizer, world, FOREIGN) == 401)


def test_a_rotated_imported_key_and_its_successor_both_work(authorizer, world):
    row = ImportedKey(hash=secrets.plain_digest(FOREIGN))
    (key,) = services.import_keys(actor=SYSTEM, application=world.application, rows=[row])
    issued = services.rotate_key(actor=SYSTEM, key=key, grace=timedelta(hours=1))
    eventually(lambda: status(authorizer, world, FOREIGN) == 200)
    assert status(authorizer, world, issued.secret) == 200


def test_networks_hold_as_soon_as_they_are_saved(authorizer, world):
    assert status(authorizer, world, world.secret) == 200
    rules = KeyRules(cidrs=["203.0.113.0/24"])
    services.change_key_rules(actor=SYSTEM, key=world.key, rules=rules)
    elsewhere = {"x-client-ip": "198.51.100.7"}
    eventually(lambda: status(authorizer, world, world.secret, **elsewhere) == 403)
    assert status(authorizer, world, world.secret, **{"x-client-ip": "203.0.113.9"}) == 200


def test_origins_hold_as_soon_as_they_are_saved(authorizer, world):
    rules = KeyRules(origins=["https://shop.example"])
    services.change_key_rules(actor=SYSTEM, key=world.key, rules=rules)
    eventually(lambda: status(authorizer, world, world.secret) == 403)
    assert status(authorizer, world, world.secret, origin="https://shop.example") == 200
    assert status(authorizer, world, world.secret, origin="https://other.example") == 403


def test_a_leaked_key_is_refused(authorizer, world):
    assert status(authorizer, world, world.secret) == 200
    services.report_leak(actor=SYSTEM, text=world.secret, source="github", url="https://x.example")
    eventually(lambda: status(authorizer, world, world.secret) == 401)
    assert ApiKey.objects.get(pk=world.key.pk).status == ApiKey.Status.REVOKED
