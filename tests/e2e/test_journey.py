"""From an empty installation to a paid call, through real processes and a real browser."""

import re
import time
import urllib.error
import urllib.request
from decimal import Decimal
from http.client import HTTPMessage

import pytest

from tests.e2e.browser import Person, chromium, person
from tests.e2e.stack import Stack, echo_upstream, eventually, tides_document

pytestmark = pytest.mark.e2e

ADMIN = "admin@apim.localhost"
DEVELOPER = "dora@harbor.example"
PASSWORD = "correct-horse-battery"
QUOTA_PER_DAY = 8
PRICE = Decimal("0.05")


def call(stack: Stack, key: str) -> tuple[int, HTTPMessage, str]:
    request = urllib.request.Request(
        f"{stack.gateway}/tides/v1/tides/dover", headers={"X-API-Key": key}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def sign_in(someone: Person, email: str, password: str) -> None:
    someone.page.goto("/accounts/login/")
    someone.fill(login=email, password=password)
    someone.press("Sign in")


def publish(admin: Person, upstream: str) -> None:
    """Upload the document, publish the version, and offer it in a product with a priced plan."""
    page = admin.page
    page.goto("/dashboard/apis/new/")
    page.locator("[name=document]").set_input_files(
        {
            "name": "tides.json",
            "mimeType": "application/json",
            "buffer": tides_document(upstream).encode(),
        }
    )
    admin.press("Create draft")
    admin.press("Publish")
    admin.press("Publish")
    page.goto("/dashboard/products/new/")
    admin.fill(name="Sea", summary="What the water does")
    page.get_by_label("Tides v1").check()
    admin.press("Create draft")
    admin.press("Publish")
    admin.press("Publish")
    admin.press("New plan")
    admin.fill(name="Harbor", per_day=str(QUOTA_PER_DAY))
    admin.press("Create draft")
    admin.fill(unit_amount=str(PRICE), included_calls="0")
    admin.press("Set price")
    admin.press("Publish")
    admin.press("Publish")


def register(developer: Person) -> None:
    page = developer.page
    page.goto("/accounts/signup/")
    developer.fill(email=DEVELOPER, password1=PASSWORD)
    if page.locator("[name=name]").count():
        developer.fill(name="Dora")
    developer.press("Create account")
    page.goto("/dev/mail/")
    page.get_by_role("link", name=re.compile("confirm", re.IGNORECASE)).first.click()
    page.locator("a[href*='confirm-email']").first.click()
    developer.press("Confirm address")
    if "login" in page.url:
        sign_in(developer, DEVELOPER, PASSWORD)


def subscribe_and_get_key(developer: Person) -> str:
    page = developer.page
    page.goto("/apps/new/")
    developer.fill(name="Boat")
    developer.press("Create application")
    page.goto("/apis/tides/")
    developer.press("Choose Harbor")
    developer.press("Continue to payment")
    developer.press("Continue to Stripe")
    developer.press("Save this card")  # on the simulator's page, which leads back
    page.wait_for_url("**/keys/new/")
    page.goto("/apps/")
    developer.press("Boat")
    developer.press("Issue key")
    developer.fill(name="Bridge")
    developer.press("Issue key")
    developer.press("Show the secret")
    secret = page.locator("[data-secret]").inner_text()
    assert re.fullmatch(r"ak_live_[0-9A-Za-z]{36}", secret)
    developer.press("Copy")
    return secret


def calls_shown(developer: Person) -> int:
    """The first figure of the usage page."""
    developer.page.goto("/usage/")
    value = developer.page.locator(".stat__value").first.inner_text()
    return int(re.sub(r"\D", "", value) or 0)


def test_from_publishing_to_a_charge(stack: Stack):
    with (
        echo_upstream() as upstream,
        chromium() as browser,
        person(browser, stack.web, "admin") as admin,
        person(browser, stack.web, "developer") as developer,
    ):
        sign_in(admin, ADMIN, stack.admin_password)
        publish(admin, upstream)
        register(developer)
        key = subscribe_and_get_key(developer)

        eventually(lambda: call(stack, key)[0] == 200, 5, lambda: str(call(stack, key)))
        began = time.monotonic()
        eventually(lambda: calls_shown(developer) > 0, 10)
        assert time.monotonic() - began < 2.5  # two seconds, and half a second to load the page

        statuses = [call(stack, key)[0] for _ in range(QUOTA_PER_DAY + 2)]
        status, headers, body = call(stack, key)
        assert status == 429
        assert "quota-exceeded" in body
        midnight = 86_400 - time.time() % 86_400
        assert abs(int(headers["Retry-After"]) - midnight) <= 2
        assert f'"day";q={QUOTA_PER_DAY};w=86400' in headers["RateLimit-Policy"]
        # The polling above may have used some of the quota.
        assert 200 in statuses or QUOTA_PER_DAY < 2

        revoke(developer)
        began = time.monotonic()
        eventually(lambda: call(stack, key)[0] == 401, 5)
        assert time.monotonic() - began < 1

        expected = f"{QUOTA_PER_DAY * PRICE:.2f}"
        eventually(lambda: expected in revenue(admin), 10, lambda: revenue(admin))
        developer.page.goto("/billing/")
        assert expected in developer.page.locator("main").inner_text()


def revoke(developer: Person) -> None:
    developer.page.goto("/apps/")
    developer.press("Boat")
    developer.press("Bridge")
    developer.page.goto(f"{developer.page.url.rstrip('/')}/revoke/")
    developer.press("Revoke key")


def revenue(admin: Person) -> str:
    admin.page.goto("/dashboard/finance/")
    return admin.page.locator("main").inner_text()
