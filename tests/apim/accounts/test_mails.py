"""Every mail that accounts sends: both forms, a real subject, no leftovers of allauth."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core import mail
from django.utils import timezone

from apim.accounts.mail import compose

TEMPLATES = Path(settings.BASE_DIR) / "templates"
PREFIXES = sorted(
    str(path.relative_to(TEMPLATES)).removesuffix("_message.txt")
    for path in TEMPLATES.rglob("*_message.txt")
)
CONTEXT = {
    "email": "alice@example.com",
    "activate_url": "https://portal.example/confirm/",
    "from_email": "a@example.com",
    "to_email": "b@example.com",
    "deleted_email": "c@example.com",
    "provider": "GitHub",
    "organization": "Sun & <Moon>",
    "ip": "203.0.113.7",
    "user_agent": "Browser <1>",
    "key": SimpleNamespace(name="Browser <1>", expires_at=datetime(2026, 12, 1, tzinfo=UTC)),
    "application": "Sun & <Moon>",
}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_mail_has_subject_text_and_html(prefix):
    message = compose(prefix, "alice@example.com", {**CONTEXT, "timestamp": timezone.now()})

    html, kind = message.alternatives[0]
    assert kind == "text/html"
    assert 8 < len(message.subject) < 90
    assert "\n" not in message.subject
    assert settings.APIM_SITE_NAME in message.body
    assert "{" not in message.body + message.subject
    assert "&lt;" not in message.body
    assert "<Moon>" not in html
    assert "Browser <1>" not in html
    assert "example.com!" not in message.body


def test_templates_of_allauth_that_we_can_send_are_all_ours():
    """A mail that allauth knows and we have not written would look like somebody else's."""
    import allauth  # noqa: PLC0415

    theirs = {
        str(path.relative_to(Path(allauth.__file__).parent / "templates")).removesuffix(
            "_message.txt"
        )
        for path in (Path(allauth.__file__).parent / "templates").rglob("*_message.txt")
    }
    codes = {p for p in theirs if p.endswith("_code") or "/base_" in p}  # switched off
    assert theirs - codes - {"account/email/base"} <= set(PREFIXES)


def test_adapter_sends_notices_with_where_they_came_from(alice, rf):
    from allauth.core import context  # noqa: PLC0415

    request = rf.get("/", REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Testbrowser")
    with context.request_context(request):
        get_adapter(request).send_notification_mail("account/email/password_changed", alice)

    body = mail.outbox[0].body
    assert "203.0.113.7" in body
    assert "Testbrowser" in body
    assert re.search(r"\bUTC\b", body)
