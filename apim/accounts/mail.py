"""Mails that people get from accounts, as text and HTML from one template each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from apim.accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from apim.accounts.models import Invitation


def absolute_url(path: str) -> str:
    """An address for mails. Built from APIM_PUBLIC_URL and never from a request's Host header."""
    return f"{settings.APIM_PUBLIC_URL}{path}"


# The one link of a mail that becomes its button, by the name that it has in the context.
ACTIONS: dict[str, StrOrPromise] = {
    "activate_url": _("Confirm address"),
    "password_reset_url": _("Choose a new password"),
    "invitation_url": _("See the invitation"),
    "signup_url": _("Create an account"),
    "rotate_url": _("Rotate the key"),
    "key_url": _("Open the key"),
    "changelog_url": _("See all changes"),
    "api_url": _("Open the API"),
    "pay_url": _("Pay the invoice"),
    "billing_url": _("Add a payment method"),
}


def compose(prefix: str, to: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    """A mail from `<prefix>_subject.txt` and `<prefix>_message.txt`, as text and as HTML.

    The message template holds paragraphs of plain text; both bodies are made from it.
    """
    shared = {"site_name": settings.APIM_SITE_NAME, **context}
    action = next((name for name in ACTIONS if name in context), None)
    subject = " ".join(render_to_string(f"{prefix}_subject.txt", shared).split())
    shared.update(
        subject=subject,
        message=render_to_string(f"{prefix}_message.txt", shared).strip(),
        action_url=context[action] if action else "",
        action_label=ACTIONS[action] if action else "",
    )
    text = render_to_string("emails/message.txt", shared).strip()
    message = EmailMultiAlternatives(subject, f"{text}\n", settings.DEFAULT_FROM_EMAIL, [to])
    message.attach_alternative(render_to_string("emails/message.html", shared), "text/html")
    return message


def send_invitation(invitation: Invitation) -> None:
    """Send the link, unless the offer was closed meanwhile."""
    if invitation.accepted_at or invitation.revoked_at:
        return
    invited = User.objects.filter(email__iexact=invitation.email).first()
    with override(invited.language if invited else settings.LANGUAGE_CODE):
        compose(
            "emails/invitation",
            invitation.email,
            {
                "invitation": invitation,
                "organization": invitation.organization,
                "invited_by": invitation.invited_by,
                "invitation_url": absolute_url(reverse("invitation", args=[invitation.secret])),
            },
        ).send()
