"""A reader whose language is German gets German: by choice, or because the browser asks for it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.cast import PASSWORD, Cast, client_for

pytestmark = pytest.mark.django_db
GERMAN = {"headers": {"accept-language": "de-CH,de;q=0.9,en;q=0.5"}}


@pytest.fixture
def german(cast: Cast) -> Client:
    """Alice, who has chosen German; her browser asks for English."""
    cast.alice.language = "de"
    cast.alice.save()
    return client_for(cast.alice, cast.acme)


def _heading(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    assert found
    return re.sub(r"<[^>]+>", "", found[1]).strip()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("portal:home", "Start"),
        ("portal:catalog", "Katalog"),
        ("portal:pricing", "Preise"),
        ("portal:applications", "Anwendungen"),
        ("portal:usage", "Nutzung"),
        ("portal:billing", "Abrechnung"),
        ("portal:profile", "Profil"),
    ],
)
def test_a_page_is_german_for_a_person_who_chose_german(german, name, title):
    page = german.get(reverse(name), headers={"accept-language": "en"}).content.decode()
    assert '<html lang="de"' in page
    assert re.search(rf"<title>\s*{title}\s*· ", page)


def test_the_login_page_is_german_for_a_browser_that_asks_for_it(db):
    page = Client().get(reverse("account_login"), **GERMAN).content.decode()
    assert '<html lang="de"' in page
    assert _heading(page) == "Anmelden"
    assert "Passwort" in page


def test_a_wrong_password_is_refused_in_german(cast):
    form = {"login": cast.alice.email, "password": PASSWORD + "x"}
    page = Client().post(reverse("account_login"), form, **GERMAN).content.decode()
    assert "Passwort" in page
    assert "password you specified" not in page


def test_a_missing_page_is_german_too(german):
    answer = german.get("/applications/app_missing/")
    assert answer.status_code == 404
    assert "Hier ist nichts" in answer.content.decode()


def test_a_browser_that_asks_for_a_language_we_lack_gets_english(db):
    french = {"accept-language": "fr"}
    page = Client().get(reverse("account_login"), headers=french).content.decode()
    assert '<html lang="en"' in page
    assert _heading(page) == "Sign in"
