"""The incident that the dashboard is made for: payments begins to fail and to slow down for callers from checkout only.
Somebody who knows nothing of it sees it, finds the edge, the route, an example and the change, and takes that back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until

ROUTES = "services/shop/payments/routes/"
EDGE = "shop/checkout → shop/payments"


@pytest.fixture
def calm(demo: Demo) -> Iterator[None]:
    """Nothing is wrong before; the routes are what they were after."""
    routes = demo.api("GET", ROUTES).body["routes"]
    until(lambda: demo.api("GET", "graph/?window=15s").body["summary"]["failing"] == 0, "nothing fails", 90, every_s=1)
    yield
    demo.api("PUT", ROUTES, {"routes": routes}, If_Match="*")


def goes_wrong(demo: Demo) -> int:
    """Of what checkout asks of payments, 5 % fails and half is slow, since a change; its number."""
    routes = demo.api("GET", ROUTES).body["routes"]
    match = {**routes[0]["match"], "sources": ["shop/checkout"]}
    fault = {"abort_status": 503, "abort_percent": 5, "delay_ms": 150, "delay_percent": 50}
    broken = {**routes[0], "name": "card-check", "match": match, "fault": fault}
    demo.api("PUT", ROUTES, {"routes": [broken, *routes], "reason": "a new card check"}, If_Match="*")
    number: int = demo.api("GET", "changes/?page_size=1&action=routes.set").body["results"][0]["id"]
    return number


def test_from_calm_to_the_cause_and_back(dashboard: Dashboard, demo: Demo, calm: None) -> None:
    page = dashboard.open("/")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(re.compile("healthy"), timeout=90_000)

    change, began = goes_wrong(demo), monotonic()
    expect(heading).to_have_text(
        re.compile(rf"{EDGE}, .* errors since .*, after change #{change} by admin"), timeout=60_000
    )
    print(f"on screen {monotonic() - began:.1f} s after the change")
    dashboard.screenshot("incident-overview")

    page.get_by_role("link", name="Look at it").click()
    page.wait_for_url(re.compile(r"/topology\?.*focus="))
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_text(re.compile("Degraded|Failing")).first).to_be_visible()
    dashboard.screenshot("incident-topology")

    details.get_by_role("link", name="Traces").click()
    page.get_by_role("checkbox", name="Errors only").check()
    table = page.get_by_role("table", name="Traces")
    until(lambda: _search(page), "a failed request was traced and shown", 60, every_s=2)
    table.get_by_role("link").first.click()
    span = page.get_by_role("complementary", name="The span looked at")
    expect(span.get_by_text("card-check").first).to_be_visible()
    expect(span.get_by_text("503").first).to_be_visible()
    dashboard.screenshot("incident-trace")

    page = dashboard.open("/")
    page.get_by_role("button", name=f"Undo #{change}").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Revert").click()
    expect(page.get_by_text("runs on all").first).to_be_visible()
    assert [route["name"] for route in demo.api("GET", ROUTES).body["routes"]] == ["default"]
    expect(heading).to_have_text(re.compile("healthy"), timeout=120_000)


def _search(page: Page) -> bool:
    """Look again: traces arrive within seconds."""
    page.reload()
    page.get_by_role("table", name="Traces").or_(page.get_by_text("No traces")).first.wait_for()
    return page.get_by_role("table", name="Traces").get_by_role("link").count() > 0
