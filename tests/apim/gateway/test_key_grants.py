"""What a key may do reaches the authorizers, and a digest that is no longer its own leaves them."""

import json

import msgspec

from apim.gateway import grants, rehash
from apim.gateway.grant_format import KeyGrant, LimitGrant
from apim.keys import secrets, services
from apim.keys.models import ApiKey, KeyLimit
from apim.keys.services import ImportedKey
from tests.apim.gateway.world import make_key


def value(store, name):
    raw = store.get(name)
    return None if raw is None else json.loads(raw)


def test_rules_of_a_key_are_written(world, store):
    ApiKey.objects.filter(pk=world.key.pk).update(
        scopes=["Water"], cidrs=["10.0.0.0/8"], origins=["https://shop.example"]
    )
    KeyLimit.objects.create(
        organization=world.organization, key=world.key, window="minute", quota=5
    )
    grants.project_key(world.key.pk)

    written = msgspec.json.decode(store.get(f"g:key:{world.key.digest}"), type=KeyGrant)
    assert written.scopes == ("Water",)
    assert written.cidrs == ("10.0.0.0/8",)
    assert written.origins == ("https://shop.example",)
    assert written.limits == (LimitGrant("key-minute", 5, "minute", per="key"),)


def test_a_key_hashed_anew_is_told_under_its_new_digest_only(world, store):
    grants.project_key(world.key.pk)
    old = world.key.digest
    new = secrets.Pepper(2, "new pepper")
    store.rpush(secrets.REHASH_LIST, secrets.rehash_message(world.key.pk, world.secret, new))
    store.rpush(secrets.REHASH_LIST, b"not a message")

    assert rehash.take_rehashed() == 1
    grants.project_key(world.key.pk)

    digest = secrets.digest(world.secret, "new pepper")
    assert value(store, f"g:key:{digest}")["id"] == world.key.public_id
    assert value(store, f"g:key:{old}") is None
    assert store.llen(secrets.REHASH_LIST) == 0


def test_authorizers_are_told_whether_there_are_imported_keys(world, store, system_actor):
    grants.project_key(world.key.pk)
    assert store.get(secrets.IMPORTED) is None

    row = ImportedKey(hash=secrets.plain_digest("sk-of-another-system"))
    (key,) = services.import_keys(actor=system_actor, application=world.application, rows=[row])
    grants.project_key(key.pk)
    assert store.get(secrets.IMPORTED) == b"1"
    assert value(store, f"g:key:{row.hash}")["id"] == key.public_id

    grants.project_all()
    assert store.get(secrets.IMPORTED) == b"1"

    services.revoke_key(actor=system_actor, key=key)
    grants.project_key(key.pk)
    assert store.get(secrets.IMPORTED) is None


def test_another_pepper_in_front_makes_every_key_known_by_both(world):
    peppers = secrets.read_peppers("2:new,1:old")
    _key, text = make_key(world.application)
    assert secrets.lookup_digests(text, peppers)[1] == secrets.digest(text, "old")
