"""The first start makes one admin and one gateway; later starts change nothing."""

import hashlib

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command

from apim.accounts.models import StaffRole, User
from apim.audit.models import AuditEvent
from apim.gateway.models import Gateway

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-more-than-24-characters"


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("APIM_ADMIN_PASSWORD", "first password")
    monkeypatch.setenv("APIM_GATEWAY_TOKEN", TOKEN)
    monkeypatch.delenv("APIM_ADMIN_EMAIL", raising=False)


def test_the_first_admin_can_sign_in_with_a_verified_address():
    call_command("bootstrap")
    admin = User.objects.get()
    assert admin.staff_role == StaffRole.ADMIN
    assert admin.check_password("first password")
    address = EmailAddress.objects.get(user=admin)
    assert (address.email, address.verified, address.primary) == (
        "admin@apim.localhost",
        True,
        True,
    )


def test_the_gateway_is_known_by_the_hash_of_its_token():
    call_command("bootstrap")
    gateway = Gateway.objects.get()
    assert gateway.kind == Gateway.Kind.ENVOY
    assert gateway.token_hash == hashlib.sha256(TOKEN.encode()).hexdigest()


def test_a_second_start_keeps_a_changed_password_and_records_nothing():
    call_command("bootstrap")
    admin = User.objects.get()
    admin.set_password("changed since")
    admin.save()
    events = AuditEvent.objects.count()
    assert events >= 2
    call_command("bootstrap")
    assert User.objects.get().check_password("changed since")
    assert Gateway.objects.count() == 1
    assert AuditEvent.objects.count() == events


def test_a_new_token_replaces_the_old_one(monkeypatch):
    call_command("bootstrap")
    monkeypatch.setenv("APIM_GATEWAY_TOKEN", TOKEN[::-1])
    call_command("bootstrap")
    assert Gateway.objects.get().token_hash == hashlib.sha256(TOKEN[::-1].encode()).hexdigest()


def test_without_a_password_no_admin_is_made(monkeypatch):
    monkeypatch.delenv("APIM_ADMIN_PASSWORD")
    call_command("bootstrap")
    assert not User.objects.exists()
