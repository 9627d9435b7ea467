"""Overview, alerts, objectives and series in a real browser against the running demo."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until

PAYMENTS = "services/shop/payments"


@pytest.fixture
def fault(demo: Demo) -> Iterator[int]:
    """Payments answers every second request with an error, since a change; its revision's change."""
    routes = demo.api("GET", f"{PAYMENTS}/routes/").body["routes"]
    broken = [{**routes[0], "fault": {"abort_percent": 50, "abort_status": 503}}, *routes[1:]]
    demo.api("PUT", f"{PAYMENTS}/routes/", {"routes": broken, "reason": "try it"}, If_Match="*")
    yield demo.api("GET", "changes/?page_size=1&action=routes.set").body["results"][0]["id"]
    demo.api("PUT", f"{PAYMENTS}/routes/", {"routes": routes}, If_Match="*")


def test_the_overview_says_what_fails_since_when_and_undoes_why(dashboard: Dashboard, demo: Demo, fault: int) -> None:
    page = dashboard.open("/")
    heading = page.get_by_role("heading", level=1)
    said = re.compile(rf"shop/checkout → shop/payments, .* errors since .*, after change #{fault} by admin")
    expect(heading).to_have_text(said, timeout=60_000)
    settled(page)
    dashboard.screenshot("overview-incident")
    assert faults(page) == []
    page.get_by_role("button", name=f"Undo #{fault}").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Revert").click()
    until(
        lambda: not demo.api("GET", f"{PAYMENTS}/routes/").body["routes"][0]["fault"],
        "the routes are what they were",
    )
    expect(page.get_by_text("runs on all").first).to_be_visible()


def test_an_alert_is_silenced_and_the_silence_ended(dashboard: Dashboard, demo: Demo, fault: int) -> None:
    def fires() -> bool:
        alerts = demo.api("GET", "alerts/?service=shop/payments").body["results"]
        return any(alert["rule"] == "edge_failing" for alert in alerts)

    until(fires, "the edge's alert fires", 120)
    page = dashboard.open("/alerts")
    row = page.get_by_role("row", name=re.compile(r"shop\/checkout → shop\/payments is failing"))
    row.get_by_role("button", name="Silence").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("we are on it")
    assert faults(page) == []
    dialog.get_by_role("button", name="Silence").click()
    expect(row.get_by_text("silenced until")).to_be_visible()
    row.get_by_role("link").first.click()
    page.wait_for_url(re.compile(r"/topology\?.*focus="))
    page = dashboard.open("/alerts?tab=silences")
    page.get_by_role("button", name=re.compile("^End the silence of Edge fails")).click()
    expect(page.get_by_text("No silences")).to_be_visible()


def test_a_promise_is_made_watched_and_taken_back(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services/shop/cart?tab=objectives")
    page.get_by_role("button", name="Set objectives").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Promise a latency").check()
    dialog.get_by_label("Within, ms").fill("500")
    dialog.get_by_label("Reason").fill("promised")
    assert faults(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("99 % within 500 ms")).to_be_visible()
    settled(page)
    dashboard.screenshot("objectives")
    assert faults(page) == []
    page = dashboard.open("/alerts?tab=objectives")
    expect(page.get_by_role("row", name=re.compile(r"shop\/cart.*99.9.% without an error"))).to_be_visible()
    empty = {"availability": None, "latency": None}
    demo.api("PUT", "services/shop/cart/objectives/", empty, If_Match="*")
    expect(page.get_by_text("No service promises anything yet")).to_be_visible(timeout=30_000)


def test_series_are_compared_and_told_apart(dashboard: Dashboard) -> None:
    page = dashboard.open("/services/shop/catalog")
    page.get_by_role("combobox", name="Tell apart").click()
    page.get_by_role("option", name="By version").click()
    expect(page.get_by_text("Rate, by version")).to_be_visible()
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="an hour earlier").click()
    expect(page.get_by_text(re.compile("Rate, an hour earlier"))).to_be_visible()
    assert "compare=1h" in page.url and "by=version" in page.url


def test_every_service_has_its_small_chart(dashboard: Dashboard) -> None:
    page = dashboard.open("/services")
    expect(page.get_by_role("img", name=re.compile(r"^Rate of shop\/catalog"))).to_be_visible(timeout=60_000)
