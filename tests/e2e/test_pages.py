"""Every page, seen in Chromium: it works, fits narrow screens and both themes, and is accessible."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.urls import get_resolver
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as BrowserTimeoutError

from tests.e2e.browser import Person, chromium, person, screenshot
from tests.e2e.pages import EVERY, NOT_SHOWN, WORLD, Shown, Viewer
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

VENDOR = Path(__file__).parent / "vendor"
WIDE, PHONE, NARROWEST = 1280, 390, 320
HEIGHT = 800
# WCAG 2.2 AA contains the earlier ones.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Scalar draws this element; its inside is not ours to mend.
FOREIGN = ["#reference > *"]
# Scalar probes `eval` and sets style attributes; the policy refuses both, harmlessly. See
# docs/adr/0006-content-security-policy-and-vendored-assets.md.
SCALAR_COMPLAINTS = ("unsafe-eval", "style-src", "inline style")
STRUCTURE = """() => {
  const all = (selector) => [...document.querySelectorAll(`${selector}:not(#reference *)`)];
  const ids = all("[id]").map((element) => element.id);
  return {
    title: document.title.trim(),
    headings: all("h1").length,
    repeated: ids.filter((id, place) => ids.indexOf(id) !== place),
    language: document.documentElement.lang,
  };
}"""
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
AXE = """async ([foreign, rules]) => {
  const exclude = foreign.filter((selector) => document.querySelector(selector));
  const found = await axe.run({include: [["html"]], exclude}, {runOnly: rules, resultTypes: ["violations"]});
  return found.violations.flatMap(({id, help, nodes}) =>
    nodes.map((node) => `${id} (${help}): ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""


@dataclass(frozen=True)
class Demo:
    """A running installation with the demo's data; `world` names its objects."""

    web: str
    password: str
    world: dict[str, str]


@pytest.fixture(scope="module")
def demo(stack: Stack) -> Demo:
    password = stack.admin_password
    stack.manage("demo", "--days", "3", APIM_ADMIN_PASSWORD=password)
    stack.manage("demo_money")
    world = json.loads(stack.shell(WORLD.format(password=password)).splitlines()[-1])
    mails = sorted((stack.home / "mail").iterdir())
    return Demo(stack.web, password, world | {"mail": f"{mails[0].stem}-0"})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@cache
def axe_source() -> str:
    entry = tomllib.loads((VENDOR / "vendor.toml").read_text())["files"][0]
    content = (VENDOR / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    return content.decode()


def sign_in(someone: Person, viewer: Viewer, password: str) -> None:
    someone.page.goto("/accounts/login/")
    someone.fill(login=f"{viewer.value}@apim.localhost", password=password)
    someone.press("Sign in")
    expect(someone.page).not_to_have_url(re.compile("/login/"))


@contextmanager
def as_viewer(
    browser: Browser, demo: Demo, viewer: Viewer, *, has_scripts: bool = True
) -> Iterator[Person]:
    name = f"pages-{viewer.value}"
    with person(browser, demo.web, name, has_scripts=has_scripts) as someone:
        someone.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if viewer is not Viewer.VISITOR:
            sign_in(someone, viewer, demo.password)
        yield someone


def accessibility(page: Page, rules: list[str]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe_source())
    return page.evaluate(AXE, [FOREIGN, rules])


def sideways(page: Page) -> int:
    """Pixels by which the page scrolls sideways once Chromium has laid out the new width."""
    with suppress(BrowserTimeoutError):
        page.wait_for_function(f"() => ({SIDEWAYS})() <= 0", timeout=2_000)
    return page.evaluate(SIDEWAYS)


def wrong_with(page: Page, shown: Shown, path: str) -> list[str]:
    """Open the page in each width and theme, take its pictures, and say what is wrong with it."""
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    page.emulate_media(color_scheme="light")
    answer = page.goto(path, wait_until="load")
    assert answer is not None
    wrong = []
    if answer.status != shown.status:
        wrong.append(f"answered {answer.status}")
    if shown.name in {"portal:reference", "api-docs:docs"}:
        page.wait_for_selector("#reference h2", timeout=20_000)
    structure = page.evaluate(STRUCTURE)
    if not structure["title"] or structure["headings"] != 1 or structure["repeated"]:
        wrong.append(f"structure: {structure}")
    wrong += accessibility(page, RULES)
    screenshot(page, f"{shown.slug}-wide-light")
    for width in (NARROWEST, PHONE):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.wait_for_function("(width) => innerWidth === width", arg=width)
        if (extra := sideways(page)) > 0:
            wrong.append(f"scrolls {extra} px sideways at {width} px")
    screenshot(page, f"{shown.slug}-phone-light")
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    page.emulate_media(color_scheme="dark")
    page.goto(path, wait_until="load")
    wrong += [f"dark: {entry}" for entry in accessibility(page, ["color-contrast"])]
    screenshot(page, f"{shown.slug}-wide-dark")
    return [f"{shown.viewer.value} at {path}: {entry}" for entry in wrong]


def forget_complaints_of_scalar(someone: Person) -> None:
    someone.complaints[:] = [
        complaint
        for complaint in someone.complaints
        if not complaint.split(": ")[0].endswith(("/reference/", "/api/docs/"))
        or not any(known in complaint for known in SCALAR_COMPLAINTS)
    ]


@pytest.mark.parametrize("viewer", list(Viewer))
def test_every_page_works_in_each_width_and_theme(demo: Demo, browser: Browser, viewer: Viewer):
    wrong: list[str] = []
    with as_viewer(browser, demo, viewer) as someone:
        for shown in EVERY[viewer]:
            wrong += wrong_with(someone.page, shown, shown.path(demo.world))
        forget_complaints_of_scalar(someone)
        wrong += someone.complaints
        someone.complaints.clear()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("namespace", list(NOT_SHOWN))
def test_every_url_of_an_edge_is_opened_or_known_to_be_no_page(namespace):
    opened = {shown.name for pages in EVERY.values() for shown in pages}
    resolver = get_resolver().namespace_dict[namespace][1]
    names = {name for name in resolver.reverse_dict if isinstance(name, str)}
    assert names == NOT_SHOWN[namespace] | {
        name.partition(":")[2] for name in opened if name.startswith(f"{namespace}:")
    }


FOCUSED = """() => {
  const {activeElement: element} = document;
  return (element.getAttribute("aria-label") || element.textContent).trim();
}"""
MOST_TABS = 60


def tab_to(page: Page, text: str) -> None:
    """Press Tab until what has the focus reads so."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == text:
            return
    pytest.fail(f"Tab never reaches {text!r} on {page.url}")


def test_the_keyboard_reaches_content_menus_and_dialogs(demo: Demo, browser: Browser):
    with as_viewer(browser, demo, Viewer.DEVELOPER) as someone:
        page = someone.page
        page.goto("/organization/")
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()

        page.goto("/organization/")
        tab_to(page, "Your menu")
        page.keyboard.press("Enter")
        expect(page.locator("details.user-menu")).to_have_attribute("open", "")
        page.keyboard.press("Escape")
        expect(page.locator("details.user-menu")).not_to_have_attribute("open", "")
        assert page.evaluate(FOCUSED) == "Your menu"

        tab_to(page, "Remove")
        page.keyboard.press("Enter")
        dialog = page.locator("dialog[open]")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        for _ in range(5):
            page.keyboard.press("Tab")
            outside = "() => !document.activeElement.matches('dialog[open] *, dialog[open], body')"
            assert not page.evaluate(outside)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        assert page.evaluate(FOCUSED) == "Remove"


def test_the_main_pages_work_without_scripts(demo: Demo, browser: Browser):
    with as_viewer(browser, demo, Viewer.NEWCOMER, has_scripts=False) as someone:
        page = someone.page
        page.goto("/apis/")
        someone.fill(q="sun")
        someone.press("Search")
        expect(page.locator(".card__link")).to_have_text(["Sun API"])
        someone.press("Sun API")
        page.goto("/apps/new/")
        someone.fill(name="Paper boat")
        someone.press("Create application")
        application = page.url
        page.goto(Shown(Viewer.NEWCOMER, "portal:subscribe", ("{free_plan}",)).path(demo.world))
        someone.press("Subscribe")
        page.goto(application)
        someone.press("Issue key")
        someone.fill(name="Mast")
        someone.press("Issue key")
        assert re.search(r"ak_live_[0-9A-Za-z]{36}", page.locator("main").inner_text())
        page.goto(application)
        someone.press("Mast")
        page.goto(f"{page.url}revoke/")
        someone.press("Revoke key")
        expect(page.locator("main")).to_contain_text("Revoked")
    with as_viewer(browser, demo, Viewer.DEVELOPER, has_scripts=False) as someone:
        someone.page.goto("/usage/?range=7d")
        someone.page.get_by_text("Show as a table").first.click()
        expect(someone.page.locator("figure table").first).to_be_visible()
    with as_viewer(browser, demo, Viewer.ADMIN, has_scripts=False) as someone:
        for name in ("apis", "products", "organizations", "subscriptions", "gateways", "audit"):
            someone.page.goto(f"/dashboard/{name}/")
            expect(someone.page.locator("main tbody tr").first).to_be_visible()
