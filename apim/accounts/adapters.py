"""Where allauth meets our accounts: mails, addresses, audit, first organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import get_language, gettext

from apim.accounts import mail
from apim.accounts.browsers import describe_browser
from apim.accounts.services import ensure_personal_organization
from apim.accounts.viewers import actor_of
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from allauth.mfa.models import Authenticator
    from allauth.socialaccount.models import SocialApp, SocialLogin
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse

    from apim.accounts.models import User


def _on_public_url(url: str) -> str:
    """The same page at APIM_PUBLIC_URL, so that a forged Host header never reaches a mail."""
    parts = urlsplit(url)
    return mail.absolute_url(f"{parts.path}?{parts.query}" if parts.query else parts.path)


class AccountAdapter(DefaultAccountAdapter):
    def save_user(
        self,
        request: HttpRequest,
        user: User,
        form: BaseForm,
        commit: bool = True,  # noqa: FBT001, FBT002 - allauth's signature
    ) -> User:
        user.name = form.cleaned_data.get("name", user.name)
        user.language = get_language() or settings.LANGUAGE_CODE
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In our own form; needs no request, since some mails leave after it is over."""
        links = {
            name: _on_public_url(value)
            for name, value in context.items()
            if name.endswith("_url") and isinstance(value, str)
        }
        mail.compose(template_prefix, email, {"email": email, **context, **links}).send()

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        ensure_personal_organization(actor=actor_of(request), user=user)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def get_app(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> SocialApp:
        """A provider that is not configured is a missing page, on each of its addresses."""
        try:
            return super().get_app(request, provider, client_id)
        except ObjectDoesNotExist as error:
            raise NotFound from error

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name"), data.get("last_name"))
        user.name = data.get("name") or " ".join(part for part in parts if part)
        user.language = get_language() or settings.LANGUAGE_CODE
        return user


class MFAAdapter(DefaultMFAAdapter):
    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002, ARG002 - allauth's signature
        """Where the key is being made, such as "Firefox on Windows"."""
        agent = context.request.META.get("HTTP_USER_AGENT", "")
        return describe_browser(agent) or gettext("Security key")

    def _get_site_name(self) -> str:
        return str(settings.APIM_SITE_NAME)
