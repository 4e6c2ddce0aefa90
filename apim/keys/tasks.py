from __future__ import annotations

from celery import shared_task

from apim.accounts.models import User
from apim.catalog.governance import Publication
from apim.catalog.models import ApiVersion
from apim.keys import mail, version_mail
from apim.keys.models import ApiKey, LeakReport
from apim.keys.services import announce_expiries
from apim.keys.services.version_news import announce_deprecation, announce_revision


@shared_task(name="keys.announce_expiries")
def announce_expiries_task() -> None:
    announce_expiries()


@shared_task(name="keys.mail_expiry")
def mail_expiry(key_id: int, user_id: int) -> None:
    key = ApiKey.objects.select_related("application").get(pk=key_id)
    mail.send_expiry_notice(key, User.objects.get(pk=user_id))


@shared_task(name="keys.mail_leak")
def mail_leak(report_id: int, user_id: int) -> None:
    report = LeakReport.objects.select_related("key__application").get(pk=report_id)
    mail.send_leak_notice(report, User.objects.get(pk=user_id))


@shared_task(name="keys.announce_revision")
def announce_revision_task(publication_id: int) -> None:
    announce_revision(publication_id=publication_id)


@shared_task(name="keys.announce_deprecation")
def announce_deprecation_task(version_id: int) -> None:
    announce_deprecation(version_id=version_id)


@shared_task(name="keys.mail_breaking_revision")
def mail_breaking_revision(publication_id: int, user_id: int) -> None:
    rows = Publication.objects.select_related("version__api", "revision").defer("revision__raw")
    version_mail.send_breaking_notice(rows.get(pk=publication_id), User.objects.get(pk=user_id))


@shared_task(name="keys.mail_version_end")
def mail_version_end(version_id: int, user_id: int) -> None:
    version = ApiVersion.objects.select_related("api").get(pk=version_id)
    version_mail.send_end_notice(version, User.objects.get(pk=user_id))
