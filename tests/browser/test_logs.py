"""The access log and taps on the real stack: searched, followed, switched on, tapped, held still, ended in sight."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo, fetch
from tests.support.poll import until

ARRIVES_S = 60
EDGE = "source=platform/gateway&destination=shop/frontend"
TAPPED = "Requests as they pass"


def is_logged(demo: Demo) -> bool:
    return bool(demo.api("GET", f"logs/?{EDGE}&page_size=1").body["results"])


def set_logging(demo: Demo, **settings: object) -> None:
    standing = demo.api("GET", "logs/settings/").body
    answer = demo.api("PUT", "logs/settings/", settings, If_Match=f'"{standing["version"]}"')
    assert answer.status == 200


def rows(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name=name).locator("tbody tr:not(.detail-row)")


def test_a_line_is_found_and_leads_to_its_trace(dashboard: Dashboard, demo: Demo) -> None:
    until(lambda: is_logged(demo), "a request of the gateway is logged", ARRIVES_S, every_s=1)
    page = dashboard.open(f"/logs?{EDGE}")
    rows(page, "Access log").filter(has_text="caller").first.get_by_role("button").click()
    details = page.locator(".log-details")
    expect(details.get_by_text("The caller’s proxy")).to_be_visible()
    dashboard.screenshot("logs")
    details.get_by_role("link", name="Open its trace").click()
    expect(page.get_by_role("tree", name="Spans of the trace")).to_be_visible()
    page.get_by_role("link", name="Lines of the log").click()
    expect(rows(page, "Access log").nth(1)).to_be_visible()
    expect(page).to_have_url(re.compile("trace_id="))


def test_the_log_is_followed_and_asks_for_nothing_meanwhile(dashboard: Dashboard) -> None:
    page = dashboard.open("/logs")
    settled(page)
    page.get_by_role("button", name="Follow").click()
    first = rows(page, "Access log").first.get_by_role("button")
    expect(first).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: "/api/v1/logs/?" in request.url and asked.append(request.url))
    before = first.inner_text()
    expect(first).not_to_have_text(before)  # newer lines came
    assert asked == []
    page.get_by_role("button", name="Stop following").click()
    expect(page.get_by_role("button", name="Follow")).to_be_visible()


def test_it_says_that_it_is_off_and_is_switched_on(dashboard: Dashboard, demo: Demo) -> None:
    set_logging(demo, mode="off", collected=True)
    try:
        page = dashboard.open("/logs?path=/never-asked-for")
        page.get_by_role("button", name="Switch the access log on").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("incident")
        dialog.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Failed requests are logged, and 10 % of the others")).to_be_visible()
        assert demo.api("GET", "logs/settings/").body["mode"] == "all"
        assert demo.api("GET", "changes/?action=logging.set").body["results"][0]["reason"] == "incident"
    finally:
        set_logging(demo, mode="all", percent=10, collected=True)


def test_an_edge_is_tapped_held_still_and_stopped(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/topology?sel=platform/gateway->shop/frontend")
    page.get_by_role("complementary", name="Details").get_by_role("link", name="Tap", exact=True).click()
    page.get_by_text("Filters, rate and redaction").click()
    page.get_by_role("textbox", name="Request header").fill("authorization")
    expect(
        page.get_by_text(re.compile("^Tap requests from platform.gateway to shop.frontend, authorization: any"))
    ).to_be_visible()
    page.get_by_role("button", name="Tap", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile(r"^Tapping requests .* left$"))).to_be_visible()
    expect(
        page.get_by_text("No request matched yet")
    ).to_be_visible()  # a proxy obeys; the demo's load has no such header

    until(lambda: _authorized(demo) and rows(page, TAPPED).count() > 0, "the request was tapped", ARRIVES_S, every_s=1)
    rows(page, TAPPED).first.get_by_role("button").click()
    expect(page.locator(".tap-headers div", has_text="authorization").get_by_text("taken out").first).to_be_visible()
    assert "hunter2" not in page.content()
    dashboard.screenshot("tap")

    page.get_by_role("button", name="Pause").click()
    held = rows(page, TAPPED).count()
    until(
        lambda: _authorized(demo) and page.get_by_text(re.compile("Paused: [1-9]")).count() > 0,
        "what came meanwhile is counted",
        ARRIVES_S,
        every_s=1,
    )
    assert rows(page, TAPPED).count() == held
    page.get_by_role("button", name="Resume").click()
    expect(rows(page, TAPPED).nth(held)).to_be_visible()

    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("^Stopped by admin"))).to_be_visible()
    expect(rows(page, TAPPED).nth(held)).to_be_visible()
    assert demo.api("GET", "taps/?active=true").body["results"] == []


def _authorized(demo: Demo) -> bool:
    headers = {"Authorization": "Bearer hunter2"}
    return fetch(demo.gateway_port, "GET", "/", None, headers).status == 200


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_of_logs_has_a_grave_fault(browser: Browser, demo: Demo, theme: str, width: int) -> None:
    until(lambda: is_logged(demo), "a request of the gateway is logged", ARRIVES_S, every_s=1)
    tap = demo.api("POST", "taps/", {"destination": "shop/frontend"}).body["id"]
    dashboard = Dashboard(browser, demo, theme=theme, width=width)
    dashboard.sign_in()
    page = dashboard.page
    page.get_by_role("navigation").first.wait_for()
    found = {}
    for path in (f"/logs/taps/{tap}", "/logs", "/logs/taps?destination=shop/frontend", "/logs?live=1"):
        dashboard.open(path)
        settled(page)
        if path != "/logs/taps?destination=shop/frontend":
            opener = page.locator("tbody tr").first.get_by_role("button")
            opener.click()
        found[path] = faults(page)
    dashboard.close()
    demo.api("DELETE", f"taps/{tap}/")
    assert {path: these for path, these in found.items() if these} == {}
