"""The mails that a development installation has written to EMAIL_FILE_PATH, for reading.

A mail may hold anything, so its HTML is shown in a sandboxed frame under a policy of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace, csp_update
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from apim.accounts.policies import development_only
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime
    from email.message import EmailMessage

    from apim.accounts.viewers import ViewerRequest

# What Django's file backend writes between the messages of one file
# (django/core/mail/backends/console.py).
_SEPARATOR = b"\n" + b"-" * 79 + b"\n"
SHOWN = 100


@dataclass(frozen=True, slots=True)
class StoredMail:
    """`name` identifies it in URLs; header values are decoded."""

    name: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def sender(self) -> str:
        return str(self.message["From"] or "")

    @property
    def recipient(self) -> str:
        return str(self.message["To"] or "")

    @property
    def sent_at(self) -> datetime | None:
        """None when the header is missing."""
        sent: datetime | None = getattr(self.message["Date"], "datetime", None)
        # "-0000" is UTC from a sender of unknown zone (RFC 5322, section 3.3), parsed as naive.
        return sent.replace(tzinfo=UTC) if sent and sent.tzinfo is None else sent

    def body(self, form: str) -> str:
        """The `plain` or `html` part, empty when there is none."""
        part = self.message.get_body((form,))
        return str(part.get_content()) if part else ""

    @property
    def text(self) -> str:
        return self.body("plain")

    @property
    def html(self) -> str:
        return self.body("html")


def stored_mails(limit: int = SHOWN) -> list[StoredMail]:
    """The newest first; empty when mail is not written to files."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if not folder or not Path(folder).is_dir():
        return []
    files = sorted(Path(folder).glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    found: list[StoredMail] = []
    for file in files[:limit]:
        parts = [part for part in file.read_bytes().split(_SEPARATOR) if part.strip()]
        found += [
            StoredMail(f"{file.stem}-{number}", _parsed(part))
            for number, part in reversed(list(enumerate(parts)))
        ]
    return found[:limit]


def _parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def _get_mail(name: str) -> StoredMail:
    """By comparison with what is listed, so that no name reaches the file system."""
    found = next((mail for mail in stored_mails() if mail.name == name), None)
    if found is None:
        raise NotFound
    return found


@development_only
@require_GET
def mail_list(request: ViewerRequest) -> HttpResponse:
    return render(request, "emails/mailbox.html", {"mails": stored_mails()})


@development_only
@require_GET
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type] # typed for views without arguments
def mail_detail(request: ViewerRequest, name: str) -> HttpResponse:
    return render(request, "emails/mailbox_detail.html", {"mail": _get_mail(name)})


@development_only
@require_GET
@xframe_options_sameorigin
@csp_replace(  # type: ignore[arg-type] # as above
    {
        "default-src": [NONE],
        "script-src": [NONE],
        "style-src": [UNSAFE_INLINE],
        "img-src": ["data:"],
        "connect-src": [NONE],
        "font-src": [NONE],
        "form-action": [NONE],
        "frame-ancestors": [SELF],
        "sandbox": [],
    }
)
def mail_body(request: ViewerRequest, name: str) -> HttpResponse:
    del request
    return HttpResponse(_get_mail(name).html)
