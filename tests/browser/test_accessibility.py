"""No page has a serious or critical fault of accessibility, by axe, in either theme."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pages import PAGES, settled
from tests.support.browser import Dashboard
from tests.support.demo import ROOT, Demo

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}


def faults(page: Page) -> list[str]:
    """What axe finds grave, one line each: the rule, the element, and why."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())  # through the debugger, so that the content policy stays as strict as it is
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_grave_fault(browser: Browser, demo: Demo, theme: str) -> None:
    dashboard = Dashboard(browser, demo, theme=theme)
    page = dashboard.open("/login")
    page.get_by_label("User name").wait_for()
    found = {"login": faults(page)}
    dashboard.sign_in()
    page.get_by_role("navigation").first.wait_for()
    for name, path in PAGES.items():
        dashboard.open(path)
        settled(page)
        found[name] = faults(page)
    dashboard.close()
    assert {name: these for name, these in found.items() if these} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_dialog_has_a_grave_fault(browser: Browser, demo: Demo, theme: str) -> None:
    dashboard = Dashboard(browser, demo, theme=theme)
    dashboard.sign_in()
    page = dashboard.page
    page.get_by_role("navigation").first.wait_for()
    dashboard.open("/services")
    settled(page)
    found = {}
    for name in ("Create namespace", "Create service", "Edit hosts"):
        page.get_by_role("button", name=name).click()
        page.get_by_role("dialog").wait_for()
        found[name] = faults(page)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").wait_for()
    found["palette"] = faults(page)
    dashboard.close()
    assert {name: these for name, these in found.items() if these} == {}
