"""Keys of another system are taken over by hash: all of them or none."""

import hashlib
from datetime import timedelta

import pytest

from apim.audit.models import AuditEvent
from apim.core import clock
from apim.keys import secrets, services
from apim.keys.errors import ImportRefused
from apim.keys.models import ApiKey
from apim.keys.services import ImportedKey

pytestmark = pytest.mark.django_db


def hash_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_imported_key_is_stored_under_its_hash(actor, application, published):
    rows = [
        ImportedKey(hash=hash_of("sk-old-1").upper(), name="Old one", start="sk-old", last4="ld-1"),
        ImportedKey(hash=hash_of("sk-old-2"), environment="test"),
    ]
    first, second = services.import_keys(actor=actor, application=application, rows=rows)
    assert first.digest == secrets.plain_digest("sk-old-1")
    assert (first.pepper_version, first.is_imported) == (0, True)
    assert str(first) == "sk-old…ld-1"
    assert second.environment == "test"
    assert str(second).startswith(f"#{second.digest[:8]}")
    assert published() == ["key.issued", "key.issued"]
    assert AuditEvent.objects.filter(action="key.imported").count() == 2


def test_our_own_keyed_hash_is_imported_with_its_pepper(actor, application):
    text = secrets.generate(brand="ak", environment="live")
    row = ImportedKey(hash=secrets.digest(text, "pepper"), pepper_version=1)
    (key,) = services.import_keys(actor=actor, application=application, rows=[row])
    assert key.pepper_version == 1


def test_one_wrong_row_imports_nothing_and_every_wrong_row_is_named(actor, application):
    good = ImportedKey(hash=hash_of("a"))
    wrong = [
        ImportedKey(hash="no hash"),
        ImportedKey(hash=hash_of("a")),
        ImportedKey(hash=hash_of("b"), environment="staging"),
        ImportedKey(hash=hash_of("c"), expires_at=clock.now() - timedelta(days=1)),
        ImportedKey(hash=hash_of("d"), name="n" * 81),
    ]
    with pytest.raises(ImportRefused) as refusal:
        services.import_keys(actor=actor, application=application, rows=[good, *wrong])
    assert set(refusal.value.fields) == {f"rows.{number}" for number in range(2, 7)}
    assert not ApiKey.objects.exists()


def test_a_key_is_imported_once(actor, application):
    rows = [ImportedKey(hash=hash_of("a"))]
    services.import_keys(actor=actor, application=application, rows=rows)
    with pytest.raises(ImportRefused):
        services.import_keys(actor=actor, application=application, rows=rows)


def test_a_key_that_was_hashed_anew_cannot_be_imported_again(actor, application):
    rows = [ImportedKey(hash=hash_of("a"))]
    (key,) = services.import_keys(actor=actor, application=application, rows=rows)
    services.rehash_key(key_id=key.pk, digest="f" * 64, pepper_version=1)
    with pytest.raises(ImportRefused):
        services.import_keys(actor=actor, application=application, rows=rows)


@pytest.mark.parametrize("rows", [[], [ImportedKey(hash=hash_of("a"))] * 1001])
def test_none_and_too_many_are_refused(actor, application, rows):
    with pytest.raises(ImportRefused):
        services.import_keys(actor=actor, application=application, rows=rows)


def test_an_imported_key_is_rotated_to_one_of_ours(actor, application):
    (key,) = services.import_keys(
        actor=actor, application=application, rows=[ImportedKey(hash=hash_of("a"))]
    )
    issued = services.rotate_key(actor=actor, key=key, grace=timedelta(days=1))
    assert secrets.parse(issued.secret) is not None
    assert not issued.key.is_imported


def test_rehashing_keeps_the_former_digest_and_happens_once(actor, key):
    before = key.digest
    assert services.rehash_key(key_id=key.pk, digest="a" * 64, pepper_version=2)
    assert not services.rehash_key(key_id=key.pk, digest="a" * 64, pepper_version=2)
    key.refresh_from_db()
    assert (key.digest, key.former_digest, key.pepper_version) == ("a" * 64, before, 2)


def test_a_digest_of_another_key_is_not_taken(actor, application, key):
    other = services.issue_key(actor=actor, application=application).key
    assert not services.rehash_key(key_id=key.pk, digest=other.digest, pepper_version=2)


def test_several_keys_are_revoked_at_once(actor, application, key, published):
    others = [services.issue_key(actor=actor, application=application).key for _ in range(2)]
    services.revoke_key(actor=actor, key=others[0])
    assert services.revoke_keys(actor=actor, keys=[key, *others]) == 2
    assert not ApiKey.objects.usable(clock.now()).exists()
    assert AuditEvent.objects.filter(action="key.revoked").count() == 3
    assert published().count("key.revoked") == 3


def test_looked_up_digests_end_with_the_plain_one():
    peppers = secrets.read_peppers("2:new,1:old")
    found = secrets.lookup_digests("some-key", peppers)
    assert found == (
        secrets.digest("some-key", "new"),
        secrets.digest("some-key", "old"),
        secrets.plain_digest("some-key"),
    )


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("sk-0123", False),
        ("sk-01234", True),
        ("with blank", False),
        ("x" * 201, False),
        ("ключ-12345", False),
    ],
)
def test_only_printable_ascii_of_a_sensible_length_may_be_imported(text, may):
    assert secrets.may_be_imported(text) is may
