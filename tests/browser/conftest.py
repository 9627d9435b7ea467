"""The browser tests share one running demo and one Chromium, both gone before the next folder of tests.

The browser's driver keeps an event loop in this thread, beside which no asynchronous test could run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Dashboard, running_browser
from tests.support.demo import Demo, running_demo


@pytest.fixture(scope="package")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture
def dashboard(browser: Browser, demo: Demo) -> Iterator[Dashboard]:
    """A signed-in page; the test fails if the browser complained."""
    dashboard = Dashboard(browser, demo)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    yield dashboard
    complaints = dashboard.complaints
    dashboard.close()
    assert complaints == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
