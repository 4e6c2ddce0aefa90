"""allauth's news about a person, written to the audit log.

These are a third party's signals; our own apps tell each other through the outbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.socialaccount import signals as social
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from apim.accounts.models import User
from apim.accounts.viewers import actor_for, client_ip
from apim.audit.services import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest


def _record(
    request: HttpRequest | None,
    user: object,
    action: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    if not isinstance(user, User):
        return
    address = client_ip(request) if request else None
    record(actor_for(user, ip_address=address), action, user, before=before, after=after)


@receiver(account.user_signed_up)
def signed_up(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, "user.signed_up", after={"email": user.email, "name": user.name})


@receiver(account.user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, "user.signed_in")


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    _record(request, user, "user.signed_out")


@receiver([account.password_changed, account.password_set])
def password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, "user.password_changed")


@receiver(account.password_reset)
def password_reset(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, "user.password_reset")


@receiver(account.email_confirmed)
def email_confirmed(request: HttpRequest, email_address: Any, **_: Any) -> None:
    _record(
        request, email_address.user, "user.email_confirmed", after={"email": email_address.email}
    )


@receiver(account.email_changed)
def email_changed(
    request: HttpRequest, user: User, from_email_address: Any, to_email_address: Any, **_: Any
) -> None:
    _record(
        request,
        user,
        "user.email_changed",
        before={"email": getattr(from_email_address, "email", None)},
        after={"email": to_email_address.email},
    )


@receiver(mfa.authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _record(request, user, "user.factor_added", after={"type": authenticator.type})


@receiver(mfa.authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _record(request, user, "user.factor_removed", before={"type": authenticator.type})


@receiver(mfa.authenticator_reset)
def recovery_codes_renewed(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, "user.recovery_codes_renewed")


@receiver(social.social_account_added)
def connection_added(request: HttpRequest, sociallogin: Any, **_: Any) -> None:
    provider = sociallogin.account.provider
    _record(request, sociallogin.user, "user.connection_added", after={"provider": provider})


@receiver(social.social_account_removed)
def connection_removed(request: HttpRequest, socialaccount: Any, **_: Any) -> None:
    _record(
        request,
        socialaccount.user,
        "user.connection_removed",
        before={"provider": socialaccount.provider},
    )
