import re

import pytest
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse


@pytest.fixture
def mailbox(settings, tmp_path):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    return tmp_path


def send(subject="Grüße", text="See https://portal.example/x?a=1&b=2", html=None):
    message = EmailMultiAlternatives(subject, text, "a@example.com", ["b@example.com"])
    if html:
        message.attach_alternative(html, "text/html")
    message.send()


def open_first(client):
    page = client.get(reverse("dev_mail"))
    return client.get(reverse("dev_mail_detail", args=[page.context["mails"][0].name]))


def test_sent_mail_is_listed_and_its_links_can_be_followed(mailbox, visitor_client):
    send()

    page = visitor_client.get(reverse("dev_mail")).content.decode()
    assert "Grüße" in page
    assert "b@example.com" in page
    assert (
        'href="https://portal.example/x?a=1&amp;b=2"' in open_first(visitor_client).content.decode()
    )


def test_newest_is_first_and_each_is_reachable(mailbox, visitor_client):
    send("first")
    send("second")

    mails = visitor_client.get(reverse("dev_mail")).context["mails"]
    assert [m.subject for m in mails] == ["second", "first"]
    assert len({m.name for m in mails}) == 2


def test_script_in_a_mail_is_only_text(mailbox, visitor_client):
    send("<script>alert(1)</script>", "<script>alert(2)</script>")

    page = open_first(visitor_client).content.decode()
    assert "<script>alert" not in page


def test_html_is_shown_in_a_frame_that_may_do_nothing(mailbox, visitor_client):
    send(html="<p>Hello</p><script>alert(1)</script>")
    detail = open_first(visitor_client)
    name = detail.context["mail"].name
    body = visitor_client.get(reverse("dev_mail_body", args=[name]))

    assert "frame-src 'self'" in detail["Content-Security-Policy"]
    policy = body["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src 'none'" in policy
    assert body["X-Frame-Options"] == "SAMEORIGIN"
    assert re.search(r"<iframe[^>]*\bsandbox\b(?!=)", detail.content.decode())


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc%2fpasswd", "20260101-0"])
def test_name_that_is_not_listed_is_not_found(mailbox, visitor_client, name):
    send()
    assert visitor_client.get(f"/dev/mail/{name}/").status_code == 404


def test_mail_pages_exist_only_in_development(mailbox, alice_client, olga_client, settings):
    settings.APIM_DEVELOPMENT_PAGES = False
    for client in (alice_client, olga_client):
        assert client.get(reverse("dev_mail")).status_code == 404


def test_empty_mailbox_says_what_will_be_here(settings, visitor_client):
    settings.EMAIL_FILE_PATH = None
    assert "No mail yet" in visitor_client.get(reverse("dev_mail")).content.decode()
