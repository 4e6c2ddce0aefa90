"""Headless Chromium, driven like a person drives it; every error in its console fails the test."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.e2e.stack import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: the tests may run as root. No background networking: it would only be refused.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCREENSHOTS = ROOT / "screenshots"
# Answers with an error status are part of what is tested; Chromium logs each of them.
HARMLESS = ("Failed to load resource",)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Person:
    """A browser window of its own: its own cookies, and what its console complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(HARMLESS):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def fill(self, **values: str) -> None:
        """Fill inputs by name."""
        for name, value in values.items():
            self.page.locator(f"[name='{name}']:visible").first.fill(value)

    def press(self, text: str) -> None:
        """Press the button or link that reads exactly so."""
        button = self.page.get_by_role("button", name=text, exact=True)
        link = self.page.get_by_role("link", name=text, exact=True)
        button.or_(link).locator("visible=true").first.click()
        self.page.wait_for_load_state()


@contextlib.contextmanager
def person(
    browser: Browser, base_url: str, name: str, *, has_scripts: bool = True
) -> Iterator[Person]:
    """`name` is for the screenshot that a failure leaves."""
    context = browser.new_context(
        base_url=base_url,
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
        java_script_enabled=has_scripts,
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    someone = Person(page)
    page.on("console", someone.hear)
    page.on("pageerror", lambda error: someone.complaints.append(f"{page.url}: {error}"))
    try:
        yield someone
    except Exception:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"failure-{name}.png", full_page=True)
        raise
    finally:
        context.close()
    assert not someone.complaints


def screenshot(page: Page, name: str) -> Path:
    SCREENSHOTS.mkdir(exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
