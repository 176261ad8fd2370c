"""Tests of the hub's page in a real browser: Debian's chromium against a hub of our own, fed over its WebSocket.

They are a step of their own, `scripts/check browser`, which builds the hub first.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feed import Hub
from pages import OpenPage
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]

# A machine that is busy takes its time.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: scripts/setup --test")
    with sync_playwright() as playwright:
        # Its sandbox needs user namespaces, and does not run as root; the page is our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that tells of itself twice a second, and can be ended and started again."""
    hub = Hub(program(), tmp_path)
    hub.start()
    yield hub
    hub.end()


@pytest.fixture
def open_page(browser: Browser, hub: Hub) -> Iterator[OpenPage]:
    """Opens pages of that hub, in which nothing may go wrong that the browser tells of: errors, breaches of the policy.

    Takes what a context of the browser takes, and what is to be done with the page before it loads.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def told(message: ConsoleMessage) -> None:
        # A hub that is gone is told of by the page itself.
        if message.type in ("error", "warning") and "WebSocket connection to" not in message.text:
            wrong.append(message.text)

    def opened(before: Callable[[Page], object] = lambda page: None, **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", told)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(f"{request.url}: {request.failure}"))
        before(page)
        page.goto(hub.url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


def program() -> str:
    """The example `hub` of the hub's crate."""
    found = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "examples" / "hub"
    if not found.is_file():
        pytest.fail(f"{found} is not there: cargo build -p flowgauge-hub --example hub")
    return str(found)
