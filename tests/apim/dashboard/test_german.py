"""The dashboard's numbers and days, as a German reader writes them."""

import re

import pytest
from django.urls import reverse

from tests.cast import client_for


@pytest.mark.django_db
def test_the_overview_is_german_for_staff_who_chose_german(cast):
    cast.olga.language = "de"
    cast.olga.save()
    page = client_for(cast.olga).get(reverse("dashboard:overview")).content.decode()
    assert '<html lang="de"' in page
    assert re.search(r"<title>\s*Übersicht · ", page)
    assert re.search(
        r"Aufrufe pro Tag · \d{1,2}\. \w+\.? \d{4} bis \d{1,2}\. \w+\.? \d{4}, UTC", page
    )
