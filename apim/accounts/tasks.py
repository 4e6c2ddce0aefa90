from celery import shared_task

from apim.accounts import mail
from apim.accounts.models import Invitation


@shared_task(name="accounts.send_invitation")
def send_invitation(invitation_id: int) -> None:
    mail.send_invitation(Invitation.objects.select_related("organization").get(pk=invitation_id))
