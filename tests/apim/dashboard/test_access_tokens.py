"""Staff give scripts their own rights, narrowed, without anybody's help."""

import re

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from apim.accounts.models import AccessToken
from apim.accounts.secrets import is_well_formed

pytestmark = pytest.mark.django_db


def issue(client, *scopes: str):
    data = {"name": "Nightly deploy", "scopes": scopes, "lifetime": "90"}
    return client.post(reverse("dashboard:token-new"), data)


def test_a_publishers_first_token_carries_the_role_to_the_management_api(pia_client):
    page = issue(pia_client, "catalog:read", "catalog:write")
    assert "no-store" in page.headers["Cache-Control"]
    (secret,) = re.findall(r"apim_pat_[0-9A-Za-z]+", page.content.decode())
    assert is_well_formed(secret)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["staff_role"]) == (200, "publisher")
    assert secret not in pia_client.get(reverse("dashboard:tokens")).content.decode()


def test_no_scope_beyond_the_role_is_offered_or_taken(pia_client):
    offered = pia_client.get(reverse("dashboard:token-new")).content.decode()
    assert "catalog:write" in offered
    assert "users:write" not in offered
    assert issue(pia_client, "users:write").status_code == 422
    assert not AccessToken.objects.exists()


def test_staff_revoke_their_own_tokens_and_admins_everybodys(pia_client, sam_client, olga_client):
    issue(pia_client, "catalog:read")
    token = AccessToken.objects.get()
    url = reverse("dashboard:token-revoke", args=[token.public_id])
    assert sam_client.post(url).status_code == 404
    assert token.name in olga_client.get(reverse("dashboard:tokens")).content.decode()
    assert olga_client.post(url).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert token.name not in pia_client.get(reverse("dashboard:tokens")).content.decode()
