from __future__ import annotations

from celery import shared_task

from apim.accounts.models import User
from apim.keys import mail
from apim.keys.models import ApiKey, LeakReport
from apim.keys.services import announce_expiries


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
