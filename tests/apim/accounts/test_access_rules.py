"""The decorators themselves, whatever page they guard."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse

from apim.accounts import policies
from apim.accounts.models import StaffRole
from apim.accounts.viewers import viewer_for
from apim.core.errors import NotFound


@pytest.fixture
def call(rf):
    def _call(decorate, user=None):
        request = rf.get("/somewhere/?a=1")
        request.user = user or AnonymousUser()
        request.session = {}
        request.viewer = viewer_for(request)
        return decorate(lambda _request: HttpResponse("seen"))(request)

    return _call


@pytest.mark.parametrize(
    ("decorate", "rule"),
    [
        (policies.public, "public"),
        (policies.signed_in, "signed_in"),
        (policies.member(), "member"),
        (policies.member("owner", "billing"), "member:owner,billing"),
        (policies.staff(), "staff"),
        (policies.staff(StaffRole.FINANCE), "staff:finance"),
        (policies.development_only, "development_only"),
    ],
)
def test_view_names_its_rule(decorate, rule):
    assert decorate(lambda _request: HttpResponse()).access_rule == rule


def test_visitor_is_sent_to_sign_in_with_the_way_back(call):
    assert call(policies.signed_in)["Location"] == "/accounts/login/?next=/somewhere/%3Fa%3D1"


@pytest.mark.parametrize(
    ("roles", "seen_by"),
    [
        ((), {"alice", "bob", "bella"}),
        (("owner",), {"alice"}),
        (("owner", "billing"), {"alice", "bella"}),
    ],
)
def test_member_rule_lets_in_exactly_the_named_roles(call, cast, roles, seen_by):
    for name in ("alice", "bob", "bella"):
        if name in seen_by:
            assert call(policies.member(*roles), getattr(cast, name)).content == b"seen"
        else:
            with pytest.raises(NotFound):
                call(policies.member(*roles), getattr(cast, name))


@pytest.mark.parametrize(
    ("roles", "seen_by"),
    [
        ((), {"olga", "pia", "fiona", "sam"}),
        (("finance",), {"olga", "fiona"}),
        (("publisher", "support"), {"olga", "pia", "sam"}),
        (("admin",), {"olga"}),
    ],
)
def test_staff_rule_lets_in_the_named_roles_and_always_admins(call, cast, roles, seen_by):
    for name in ("alice", "charlie", "olga", "pia", "fiona", "sam"):
        if name in seen_by:
            assert call(policies.staff(*roles), getattr(cast, name)).content == b"seen"
        else:
            with pytest.raises(NotFound):
                call(policies.staff(*roles), getattr(cast, name))


def test_organization_of_the_session_counts_only_while_one_is_a_member(rf, charlie, charlies, acme):
    request = rf.get("/")
    request.user = charlie
    request.session = {"organization": acme.public_id}

    assert viewer_for(request).organization == charlies
