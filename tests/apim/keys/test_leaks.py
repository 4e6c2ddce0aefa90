"""A leaked key is stopped by its organization's policy, reported once, and its people are told."""

import base64
import hashlib
import json
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core import mail
from django.core.cache import cache

from apim.accounts.viewers import actor_for
from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys import github, secrets, services
from apim.keys.errors import KeyNotInGrace
from apim.keys.models import ApiKey, LeakReport
from apim.keys.tasks import mail_leak
from apim.outbox.models import OutboxEntry

pytestmark = pytest.mark.django_db
HOOK = "/webhooks/github/secret-scanning/"


@pytest.fixture
def issued(alice, acme, bob):
    application = services.create_application(actor=SYSTEM, organization=acme, name="Board")
    return services.issue_key(actor=actor_for(bob), application=application, name="Quay")


def report(issued, **fields):
    return services.report_leak(actor=SYSTEM, text=issued.secret, source="form", **fields)


def told():
    """Pairs of report and person in the outbox."""
    entries = OutboxEntry.objects.filter(topic="key.leaked").order_by("id")
    return [(entry.payload["report_id"], entry.payload["user_id"]) for entry in entries]


def test_the_default_is_to_revoke(issued, alice, bob):
    made = report(issued, url="https://paste.example/1", note=f"I saw {issued.secret}")
    issued.key.refresh_from_db()
    assert issued.key.status == ApiKey.Status.REVOKED
    assert made.action == "revoke"
    assert issued.secret not in made.note
    assert AuditEvent.objects.filter(action="key.leaked").exists()
    assert told() == [(made.pk, alice.pk), (made.pk, bob.pk)]  # the owner, and who made it


def test_a_policy_of_a_day_ends_the_key_then_and_not_later(issued, acme):
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="expire")
    report(issued)
    issued.key.refresh_from_db()
    assert issued.key.is_usable
    assert abs(issued.key.expires_at - clock.now() - timedelta(days=1)) < timedelta(minutes=1)


def test_the_successor_of_a_leaked_key_lives_as_long_as_that_was_meant_to(issued, acme):
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="expire")
    report(issued)
    grace = timedelta(days=7)
    successor = services.rotate_key(actor=SYSTEM, key=issued.key, grace=grace).key
    assert successor.expires_at is None
    issued.key.refresh_from_db()
    assert issued.key.expires_at <= clock.now() + timedelta(days=1)

    days = timedelta(days=90)
    limited = services.issue_key(
        actor=SYSTEM, application=issued.key.application, expires_at=clock.now() + days
    )
    report(limited)
    successor = services.rotate_key(actor=SYSTEM, key=limited.key, grace=grace).key
    assert abs(successor.expires_at - clock.now() - days) < timedelta(minutes=1)


def test_a_leaked_key_in_grace_is_cut_and_cannot_be_extended(issued, acme):
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="expire")
    services.rotate_key(actor=SYSTEM, key=issued.key, grace=timedelta(days=20))
    report(issued)
    with pytest.raises(KeyNotInGrace):
        services.extend_grace(actor=SYSTEM, key=issued.key, grace=timedelta(days=29))
    issued.key.refresh_from_db()
    assert issued.key.expires_at <= clock.now() + timedelta(days=1)


def test_nobody_is_told_twice_that_a_leaked_key_ends(issued, acme):
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="expire")
    report(issued)
    assert services.announce_expiries() == 0


def test_a_policy_of_a_day_prolongs_no_key(acme, alice):
    application = services.create_application(actor=SYSTEM, organization=acme, name="Board")
    soon = clock.now() + timedelta(hours=2)
    issued = services.issue_key(actor=SYSTEM, application=application, expires_at=soon)
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="expire")
    report(issued)
    issued.key.refresh_from_db()
    assert issued.key.expires_at == soon


def test_a_policy_of_telling_leaves_the_key(issued, acme):
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="notify")
    assert report(issued).action == "notify"
    issued.key.refresh_from_db()
    assert issued.key.status == ApiKey.Status.ACTIVE


def test_the_same_place_is_one_report_and_one_mail(issued):
    first = report(issued, url="https://paste.example/1")
    assert report(issued, url="https://paste.example/1") == first
    assert LeakReport.objects.count() == 1
    assert len(told()) == 2


def test_a_dead_key_found_at_many_places_sends_no_more_mail_that_day(issued):
    for number in range(5):
        report(issued, url=f"https://paste.example/{number}")
    assert LeakReport.objects.count() == 5
    assert len(told()) == 2


def test_unknown_keys_leave_nothing_behind(db):
    text = secrets.generate(brand="ak", environment="live")
    assert services.report_leak(actor=SYSTEM, text=text, source="form") is None
    assert services.report_leak(actor=SYSTEM, text="no key", source="form") is None
    assert not LeakReport.objects.exists()


def test_the_mail_names_key_application_and_place_in_the_readers_language(issued, alice):
    made = report(issued, url="https://paste.example/1")
    mail_leak(made.pk, alice.pk)
    (sent,) = mail.outbox
    assert sent.to == [alice.email]
    for part in (str(issued.key), "Board", "https://paste.example/1", "revoked"):
        assert part in sent.body
    assert f"/keys/{issued.key.public_id}/" in sent.body
    assert issued.secret not in sent.body


# GitHub


@pytest.fixture
def scanner():
    """GitHub's side: a P-256 key, and a function that signs."""
    cache.clear()
    return ec.generate_private_key(ec.SECP256R1())


def pem(private):
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def listed(**keys):
    rows = [
        {"key_identifier": name, "key": pem(private), "is_current": True}
        for name, private in keys.items()
    ]
    return json.dumps({"public_keys": rows})


def send(client, private, body, *, identifier="k1", signature=None):
    raw = json.dumps(body).encode()
    signature = signature or private.sign(raw, ec.ECDSA(hashes.SHA256()))
    return client.post(
        HOOK,
        raw,
        content_type="application/json",
        headers={
            "Github-Public-Key-Identifier": identifier,
            "Github-Public-Key-Signature": base64.b64encode(signature).decode(),
        },
    )


def match(text, url="https://github.com/example/repo/blob/abc123/settings.py"):
    return {"token": text, "type": "ak_api_key", "url": url, "source": "content"}


def test_github_learns_which_keys_were_ours_and_ours_stop(client, scanner, settings, issued):
    settings.APIM_GITHUB_SCANNING_KEYS = listed(k1=scanner)
    stranger = secrets.generate(brand="ak", environment="live")
    answer = send(client, scanner, [match(issued.secret), match(stranger), match("nonsense")])
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "token_hash": hashlib.sha256(text.encode()).hexdigest(),
            "token_type": "ak_api_key",
            "label": label,
        }
        for text, label in (
            (issued.secret, "true_positive"),
            (stranger, "false_positive"),
            ("nonsense", "false_positive"),
        )
    ]
    made = LeakReport.objects.get()
    assert (made.source, made.kind, made.action) == ("github", "content", "revoke")
    issued.key.refresh_from_db()
    assert issued.key.status == ApiKey.Status.REVOKED


def test_a_repeated_message_is_answered_alike_and_stored_once(client, scanner, settings, issued):
    settings.APIM_GITHUB_SCANNING_KEYS = pem(scanner)
    first = send(client, scanner, [match(issued.secret)])
    again = send(client, scanner, [match(issued.secret)])
    assert first.json() == again.json()
    assert LeakReport.objects.count() == 1


def test_nothing_happens_without_a_right_signature(client, scanner, settings, issued):
    settings.APIM_GITHUB_SCANNING_KEYS = listed(k1=scanner)
    forger = ec.generate_private_key(ec.SECP256R1())
    body = [match(issued.secret)]
    assert send(client, forger, body).status_code == 401
    assert send(client, scanner, body, identifier="k2").status_code == 401
    assert send(client, scanner, body, signature=b"junk").status_code == 401
    assert client.post(HOOK, "[]", content_type="application/json").status_code == 401
    assert client.get(HOOK).status_code == 405
    assert not LeakReport.objects.exists()


@pytest.mark.parametrize("body", [{"token": "x"}, [{"url": "x"}], ["x"]])
def test_a_signed_message_of_another_shape_is_refused(client, scanner, settings, body):
    settings.APIM_GITHUB_SCANNING_KEYS = pem(scanner).replace("\n", "\\n")
    assert send(client, scanner, body).status_code == 400


@pytest.fixture
def github_list(monkeypatch, settings):
    """GitHub's list behind a URL: what it holds now, and how often it was asked for."""
    state = {"body": "", "asked": 0}

    def answer(request):
        state["asked"] += 1
        return httpx.Response(200 if state["body"] else 500, text=state["body"])

    transport = httpx.MockTransport(answer)

    def stream(method, url, **options):
        del options["timeout"]
        return httpx.Client(transport=transport).stream(method, url, **options)

    monkeypatch.setattr(github.httpx, "stream", stream)
    settings.APIM_GITHUB_SCANNING_KEYS = "https://api.github.com/meta/public_keys/secret_scanning"
    return state


def test_githubs_list_is_kept_and_asked_again_only_for_a_new_name(
    client, scanner, github_list, issued
):
    github_list["body"] = listed(k1=scanner)
    for _ in range(3):
        assert send(client, scanner, [match("nonsense")]).status_code == 200
    assert github_list["asked"] == 1
    for _ in range(3):
        assert send(client, scanner, [], identifier="k2").status_code == 401
    assert github_list["asked"] == 1  # just asked: a sender of nonsense cannot make us ask
    cache.delete("github-scanning-keys:asked")
    github_list["body"] = listed(k1=scanner, k2=scanner)
    assert send(client, scanner, [match(issued.secret)], identifier="k2").status_code == 200
    assert github_list["asked"] == 2


def test_while_githubs_list_is_away_the_message_may_come_again(client, scanner, github_list):
    assert send(client, scanner, []).status_code == 503


def test_a_scanner_reports_by_json_and_learns_nothing(issued, client):
    door = "/webhooks/leaked-key/"
    ours = client.post(
        door, {"key": issued.secret, "url": "https://paste.example/2"}, "application/json"
    )
    other = client.post(door, {"key": "ak_live_nobodys"}, "application/json")
    assert (ours.status_code, ours.content) == (other.status_code, other.content)
    assert ours.status_code == 202
    issued.key.refresh_from_db()
    assert issued.key.status == ApiKey.Status.REVOKED
    assert LeakReport.objects.get().url == "https://paste.example/2"


def test_a_report_that_is_no_json_is_told_what_is_wrong(client, db):
    refused = client.post("/webhooks/leaked-key/", {"note": "no key"}, "application/json")
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "key" in refused.json()["title"]


def test_who_reports_too_much_is_told_when_to_come_again(client, db):
    cache.clear()
    door = "/webhooks/leaked-key/"
    answers = [client.post(door, {"key": "x"}, "application/json") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [202] * 20 + [429]
    assert answers[-1].headers["Retry-After"] == "600"


def test_an_unknown_policy_is_refused_and_the_old_one_stays(acme):
    services.set_leak_policy(actor=SYSTEM, organization=acme, action="expire")
    with pytest.raises(InvalidInput):
        services.set_leak_policy(actor=SYSTEM, organization=acme, action="ignore")
    assert services.leak_action(acme) == "expire"
