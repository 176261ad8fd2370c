"""What tests look for in a page."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

# Opens a page of the hub, with the options of a context of the browser (see conftest.py).
OpenPage = Callable[..., Page]


def table(page: Page, name: str) -> Locator:
    """The rows of a table."""
    return page.get_by_role("region", name=f"Table of {name}").locator("tbody tr")


def loss(page: Page, what: str) -> Locator:
    """The number beside a loss."""
    return page.locator("#loss-table tr", has_text=what).locator("td.number")


def live(page: Page) -> None:
    """Waits until the hub has welcomed it."""
    expect(page.get_by_role("status")).to_contain_text("Live")


def number(element: Locator, pattern: str = "([0-9,]+)") -> int:
    """A number in a text, with commas between its thousands."""
    found = re.search(pattern, element.inner_text())
    assert found, element.inner_text()
    return int(found[1].replace(",", ""))
