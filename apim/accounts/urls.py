"""Pages of accounts outside allauth's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from apim.accounts import mailbox, social_login, views

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("organizations/switch/", views.switch_organization, name="switch_organization"),
    path("organizations/new/", views.start_organization, name="start_organization"),
    path("organizations/join/<str:public_id>/", views.join_organization, name="join_organization"),
    path("invitations/<str:secret>/", views.invitation, name="invitation"),
    path("dev/mail/", mailbox.mail_list, name="dev_mail"),
    path("dev/mail/<str:name>/", mailbox.mail_detail, name="dev_mail_detail"),
    path("dev/mail/<str:name>/body/", mailbox.mail_body, name="dev_mail_body"),
    *social_login.urlpatterns,
]
