"""A headless chromium for tests of pages."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

if os.environ.get("BROWSER_TESTS") == "required":
    import playwright.sync_api as api
else:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it drives the page")

PATIENCE_MS = 120_000  # a busy machine is slow, not wrong
api.expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Any]:
    """An installed chromium; the tests skip where there is none, or fail where BROWSER_TESTS=required."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "chromium is not installed (set CHROMIUM to the path of one): these tests drive the page in a browser"
        (pytest.fail if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip)(reason)
    with api.sync_playwright() as playwright:
        # root cannot have chromium's sandbox
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=[*sandbox, "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@contextmanager
def opening(browser: Any, own: str) -> Iterator[Callable[..., Any]]:
    """A function that opens the page `own` + tag; no page may log an error or ask another server for anything."""
    contexts, faults = [], []

    def opened(tag: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
        page.goto(own + tag)
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def grid(page: Any) -> str:
    """The cells of a board of digits, dots for empty ones."""
    return page.evaluate("[...document.querySelectorAll('#board input')].map(one => one.value || '.').join('')")


def address(page: Any) -> str:
    """The part of the address that holds the puzzle."""
    return page.evaluate("location.hash")


def focused(page: Any) -> str:
    """What has the focus, by its label or its id."""
    return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")


def tab_to(page: Any, name: str) -> None:
    """Press Tab until what is called `name` has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if name in focused(page):
            return
    raise AssertionError(f"Tab does not reach {name}")


def type_sudoku(page: Any, puzzle: str) -> None:
    """Type a 9x9 puzzle into the empty board, row by row, by the keyboard alone; dots for empty cells."""
    tab_to(page, "row 1 column 1: empty")
    for start in range(0, 81, 9):
        for symbol in puzzle[start : start + 9]:
            page.keyboard.press(symbol if symbol != "." else "Delete")
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Home")
