import hashlib
import json
import re
import secrets

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.urls import reverse
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

from apim.audit.models import AuditEvent
from tests.cast import PASSWORD, client_for

ORIGIN = "http://testserver"


def totp(secret):
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(secret, counter))


def sign_in(client, user):
    return client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})


@pytest.fixture
def alice_here(alice, acme):
    """A client that has just confirmed the password, as sensitive changes ask for."""
    client = client_for(None)
    sign_in(client, alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


@pytest.fixture
def secret(alice_here, django_capture_on_commit_callbacks):
    page = alice_here.get(reverse("mfa_activate_totp"))
    key = page.context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_here.post(reverse("mfa_activate_totp"), {"code": totp(key)})
    assert answer.status_code == 302, answer.context["form"].errors
    return key


def test_password_alone_no_longer_signs_in(secret, alice):
    client = client_for(None)

    assert sign_in(client, alice)["Location"] == reverse("mfa_authenticate")
    assert "_auth_user_id" not in client.session
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert "_auth_user_id" not in client.session


def test_recovery_code_signs_in_once(secret, alice):
    code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    first, second = client_for(None), client_for(None)
    sign_in(first, alice)
    first.post(reverse("mfa_authenticate"), {"code": code})
    assert first.session["_auth_user_id"] == str(alice.pk)

    sign_in(second, alice)
    second.post(reverse("mfa_authenticate"), {"code": code})
    assert "_auth_user_id" not in second.session


def test_turning_a_factor_on_is_mailed_and_recorded(secret, alice):
    assert mail.outbox[0].to == [alice.email]
    assert {e.after["type"] for e in AuditEvent.objects.filter(action="user.factor_added")} == {
        "totp",
        "recovery_codes",
    }


def test_old_session_must_reauthenticate_first(alice_client):
    """`force_login` leaves no record of a password: as good as a session from last week."""
    answer = alice_client.get(reverse("mfa_activate_totp"))

    assert answer["Location"].startswith(reverse("account_reauthenticate"))


class SoftKey:
    """An authenticator in software: makes what a browser's credential would be.

    https://www.w3.org/TR/webauthn-3/#sctn-attestation, format "none".
    """

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.user_handle = b""

    def _client_data(self, kind, challenge):
        return json.dumps({"type": kind, "challenge": challenge, "origin": ORIGIN}).encode()

    def _describe(self, response):
        return json.dumps(
            {
                "id": websafe_encode(self.id),
                "rawId": websafe_encode(self.id),
                "type": "public-key",
                "clientExtensionResults": {"credProps": {"rk": True}},
                "response": {name: websafe_encode(value) for name, value in response.items()},
            }
        )

    def create(self, options):
        public = options["creation_options"]["publicKey"]
        self.user_handle = websafe_decode(public["user"]["id"])
        credential = AttestedCredentialData.create(
            Aaguid.NONE, self.id, ES256.from_cryptography_key(self.private.public_key())
        )
        data = AuthenticatorData.create(
            hashlib.sha256(public["rp"]["id"].encode()).digest(), 0x45, 0, credential
        )
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(data)})
        client_data = self._client_data("webauthn.create", public["challenge"])
        return self._describe({"clientDataJSON": client_data, "attestationObject": attestation})

    def get(self, options):
        public = options["request_options"]["publicKey"]
        data = bytes(
            AuthenticatorData.create(hashlib.sha256(public["rpId"].encode()).digest(), 0x05, 1)
        )
        client_data = self._client_data("webauthn.get", public["challenge"])
        signature = self.private.sign(
            data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self._describe(
            {
                "clientDataJSON": client_data,
                "authenticatorData": data,
                "signature": signature,
                "userHandle": self.user_handle,
            }
        )


@pytest.fixture
def passkey(alice_here, settings):
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    key = SoftKey()
    page = alice_here.get(reverse("mfa_add_webauthn"))
    options = json.loads(
        re.search(r'data-options="([^"]+)"', page.content.decode())[1].replace("&quot;", '"')
    )
    answer = alice_here.post(
        reverse("mfa_add_webauthn"),
        {"name": "Laptop", "passwordless": "on", "credential": key.create(options)},
    )
    assert answer.status_code == 302, answer.context["form"].errors
    return key


def passkey_options(client):
    return client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"}).json()


def test_passkey_signs_in_without_a_password(passkey, alice):
    client = client_for(None)
    credential = passkey.get(passkey_options(client))
    client.post(reverse("mfa_login_webauthn"), {"credential": credential})

    assert client.session["_auth_user_id"] == str(alice.pk)


def test_answer_to_another_challenge_does_not_sign_in(passkey):
    client, other = client_for(None), client_for(None)
    credential = passkey.get(passkey_options(other))
    passkey_options(client)
    client.post(reverse("mfa_login_webauthn"), {"credential": credential})

    assert "_auth_user_id" not in client.session


def test_foreign_key_does_not_sign_in(passkey):
    client = client_for(None)
    thief = SoftKey()
    thief.id, thief.user_handle = passkey.id, passkey.user_handle
    client.post(reverse("mfa_login_webauthn"), {"credential": thief.get(passkey_options(client))})

    assert "_auth_user_id" not in client.session


def test_one_cannot_touch_another_persons_key(passkey, charlie, charlies):
    key = Authenticator.objects.get(type="webauthn")
    client = client_for(None)
    sign_in(client, charlie)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    assert client.get(reverse("mfa_remove_webauthn", args=[key.pk])).status_code == 404
    assert client.post(reverse("mfa_remove_webauthn", args=[key.pk])).status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


FACTOR_PAGES = [
    "mfa_index",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
]


@pytest.mark.parametrize("name", FACTOR_PAGES)
def test_factor_pages_render_in_our_frame_without_inline_code(name, secret, alice_here):
    html = alice_here.get(reverse(name)).content.decode()

    assert "Two-factor" in html
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", html)
