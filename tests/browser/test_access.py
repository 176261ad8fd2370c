"""The page for everybody: by keyboard, for a screen reader, in light and dark, and on a narrow screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from feed import Hub
from pages import OpenPage, live, table
from playwright.sync_api import Page, expect


def fill(hub: Hub) -> None:
    with hub.sensor() as lab:
        lab.count(1000, 500_000, dropped=2)
        lab.status(lost={"spool_full": 1})
        for number in range(30):
            lab.flow(ip_src=f"192.0.2.{number}", requested_server_name="a-long-name." * 10)
        lab.settle(lab.send("dns.lookup", {"name": "example.org", "type": "A", "client": "c", "resolver": "r"}))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(open_page: OpenPage, hub: Hub, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 740})
    live(page)
    fill(hub)
    expect(table(page, "flows")).to_have_count(30)
    page.locator("#flows-pause").click()
    page.get_by_text("How to filter flows").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # Nothing but tables is wider than the screen, and those scroll by themselves.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Both schemes are of their kind.
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor").removeprefix("rgb(").split(",")[0]
    assert (int(ground) > 128) == (scheme == "light")


def test_axe_finds_nothing_in_the_form_for_a_token(open_page: OpenPage, hub: Hub) -> None:
    hub.with_tokens()
    page = open_page()
    page.get_by_label("A token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("refused")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_keyboard_reaches_everything(page: Page, hub: Hub) -> None:
    live(page)
    fill(hub)
    expect(table(page, "flows")).to_have_count(30)
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["what"] == "BODY":
            break
        assert focused["seen"], f"the focus on {focused['what']} is not visible"
        reached.append(focused["what"])
    assert reached == [
        "Skip to the filter of flows",
        "sensor",
        "Table of top talkers",
        "Table of applications",
        "Table of sensors",
        "Table of losses",
        "flows-filter",
        "flows-pause",
        "How to filter flows",
        "Table of flows",
        "messages-filter",
        "messages-pause",
        "How to filter messages",
        "Table of other messages",
    ]
    # The first of them leads where it says, the table scrolls, and the button is pressed.
    page.keyboard.press("Tab")
    page.locator(".skip").press("Enter")
    expect(page.locator("#flows-filter")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#flows-pause")).to_have_attribute("aria-pressed", "true")
    flows = page.get_by_role("region", name="Table of flows")
    flows.press("End")
    for _ in range(50):
        if flows.evaluate("one => one.scrollTop") > 0:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the table does not scroll")


def test_only_the_state_of_the_connection_is_read_out(page: Page) -> None:
    """What changes all the time would never let a screen reader be silent."""
    told = page.evaluate("""[...document.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log]')]
        .map(one => one.id || one.className)""")
    assert told == ["state", "token-wrong"]


# What has the focus, and whether that can be seen.
FOCUSED = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  return {
    what: one.id || one.getAttribute("aria-label") || (one === document.body ? "BODY" : one.textContent),
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""
