"""From a red edge to the span that failed, on the real stack: charts, search, scatter, waterfall, settings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until

EDGE = "shop/checkout->shop/payments"
ARRIVES_S = 60


@pytest.fixture
def failing(demo: Demo) -> Iterator[Demo]:
    """Payments fails half of its requests, until the test is over."""
    knobs = "demo/shop/payments/v1/"
    demo.api("PUT", knobs, {"error_rate": 0.5, "latency_ms": 40})
    until(lambda: newest(demo, "code=500"), "a request that the app failed was traced", ARRIVES_S, every_s=1)
    yield demo
    demo.api("PUT", knobs, {"error_rate": 0, "latency_ms": 0})


def newest(demo: Demo, search: str = "") -> list[dict[str, Any]]:
    """Traces of the edge that have had time to arrive whole."""
    to = datetime.now(UTC).timestamp() - 5
    found: list[dict[str, Any]] = demo.api("GET", f"traces/?edge={EDGE}&to={to}&{search}").body["results"]
    return found


def test_from_a_red_edge_to_the_span_that_failed(dashboard: Dashboard, failing: Demo) -> None:
    page = dashboard.open(f"/topology?sel={EDGE}")
    page.get_by_role("complementary", name="Details").get_by_role("link", name="Traces").click()
    expect(page.get_by_text("shop/checkout → shop/payments")).to_be_visible()
    page.get_by_role("checkbox", name="Errors only").check()
    settled(page)
    expect(page.get_by_role("heading", name=re.compile("failed"))).to_be_visible()
    table = page.get_by_role("table", name="Traces")
    expect(table.get_by_text(re.compile(r"\d+ errors?")).first).to_be_visible()
    dashboard.screenshot("traces")

    table.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name=re.compile("shop.payments"))).to_be_visible()
    details = page.get_by_role("complementary", name="The span looked at")
    expect(details.get_by_text("Answered 500")).to_be_visible()
    expect(details.get_by_text("Came over mTLS")).to_be_visible()
    dashboard.screenshot("trace")

    tree = page.get_by_role("tree", name="Spans of the trace")
    tree.locator('[role="treeitem"]', has_text="shop/checkout").first.click()
    page.keyboard.press("Home")
    expect(tree.get_by_role("treeitem", selected=True)).to_be_focused()
    expect(tree.get_by_role("treeitem", selected=True)).to_have_attribute("aria-level", "1")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem").nth(1)).to_be_visible()
    details.get_by_role("button", name="Zoom to it").click()
    expect(page).to_have_url(re.compile("zoom="))


def test_a_point_opens_its_trace_and_a_box_narrows_the_search(dashboard: Dashboard, failing: Demo) -> None:
    trace = newest(failing, "error=true")[0]
    at = datetime.fromisoformat(trace["start"]).timestamp()
    took = trace["duration_ms"]
    begin, end = at - 1, at + 1
    times = f"edge={EDGE}&error=true&from={_iso(begin)}&to={_iso(end)}"
    durations = [point["duration_ms"] for point in failing.api("GET", f"traces/points/?{times}").body["points"]]
    page = dashboard.open(f"/traces?{times}")
    expect(page.get_by_role("heading", name=re.compile(f"^{len(durations)} trace"))).to_be_visible()
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    low, high = math.floor(math.log10(min(durations))), math.ceil(math.log10(max(durations)))
    x = box["x"] + box["width"] * (at - begin) / (end - begin)
    y = box["y"] + box["height"] * (high - math.log10(took)) / (high - low)
    page.mouse.click(x, y)
    expect(page).to_have_url(re.compile(f"/traces/{trace['trace_id']}"))

    dashboard.open("/traces?range=5m")
    settled(page)
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 40, box["y"] + 90, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=.*min=|min=.*from="))
    page.get_by_role("button", name="Search the last hour").click()
    expect(page).not_to_have_url(re.compile("from="))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def test_a_moment_of_a_chart_leads_to_its_requests(dashboard: Dashboard) -> None:
    page = dashboard.open("/services/shop/catalog")
    chart = page.get_by_role("img", name=re.compile("^Latency")).locator(".u-over")
    chart.wait_for()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    moment = page.get_by_role("region", name=re.compile("^Requests at"))
    moment.get_by_role("link", name=re.compile("ms|µs")).first.click()
    expect(page.get_by_role("tree", name="Spans of the trace")).to_be_visible()


def test_tracing_is_switched_off_and_on_with_a_reason(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/settings?tab=telemetry")
    try:
        _set_tracing(page, on=False)
        expect(page.get_by_text("Off: proxies make no spans")).to_be_visible()
        assert demo.api("GET", "traces/settings/").body["enabled"] is False
        assert demo.api("GET", "changes/?action=tracing.set").body["results"][0]["reason"] == "quiet"
    finally:
        _set_tracing(page, on=True)
    expect(page.get_by_text("100 % of new traces are kept")).to_be_visible()


def _set_tracing(page: Page, *, on: bool) -> None:
    panel = page.locator("section", has=page.get_by_role("heading", name="Tracing", exact=True))
    panel.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    switch = dialog.get_by_role("switch", name="Trace requests")
    if switch.is_checked() != on:
        switch.press("Space")
    dialog.get_by_label("Reason").fill("quiet")
    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="hidden")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_of_traces_has_a_grave_fault(browser: Browser, failing: Demo, theme: str, width: int) -> None:
    dashboard = Dashboard(browser, failing, theme=theme, width=width)
    dashboard.sign_in()
    page = dashboard.page
    page.get_by_role("navigation").first.wait_for()
    trace = newest(failing, "error=true")[0]["trace_id"]
    found = {}
    for path in ("/traces", f"/traces?edge={EDGE}&error=true", f"/traces/{trace}", "/settings?tab=telemetry"):
        dashboard.open(path)
        settled(page)
        found[path] = faults(page)
    dashboard.close()
    assert {path: these for path, these in found.items() if these} == {}
