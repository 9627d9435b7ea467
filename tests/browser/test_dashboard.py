"""What a person does with the dashboard, in a real browser against the running demo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import CATALOG, PAGES, settled
from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until


def test_a_wrong_password_is_refused_and_said(browser: Browser, demo: Demo) -> None:
    dashboard = Dashboard(browser, demo)
    dashboard.sign_in("not the password")
    expect(dashboard.page.get_by_role("alert").first).to_be_visible()
    assert "/login" in dashboard.page.url
    dashboard.close()


def test_a_deep_link_survives_the_login(browser: Browser, demo: Demo) -> None:
    dashboard = Dashboard(browser, demo)
    dashboard.open("/proxies")
    dashboard.page.get_by_label("User name").fill("admin")
    dashboard.page.get_by_role("textbox", name="Password").fill("correct-horse-battery")
    dashboard.page.get_by_role("button", name="Sign in").click()
    dashboard.page.wait_for_url("**/proxies")
    dashboard.close()


def test_the_topology_shows_the_traffic_and_is_live(dashboard: Dashboard) -> None:
    page = dashboard.open("/topology?view=table&window=10s")
    row = page.get_by_role("row", name=re.compile(r"shop\/frontend.*shop\/catalog"))
    expect(row).to_be_visible()
    expect(row).to_contain_text("rps")
    before = row.inner_text()
    until(lambda: row.inner_text() != before, "the numbers of an edge move", 15)
    expect(page.get_by_text(re.compile(r"^live, \d s$")).first).to_be_visible()


def test_a_split_is_shifted_reviewed_acknowledged_and_followed(dashboard: Dashboard, demo: Demo) -> None:
    demo.applied(demo.set_split("shop/catalog", {"v1": 100, "v2": 0}))
    page = dashboard.open(f"{CATALOG}?tab=split")
    page.get_by_role("button", name="Even").click()
    page.get_by_role("button", name="Review").click()
    page.get_by_label("Reason").fill("half and half")
    dashboard.screenshot("split-review")
    page.get_by_role("button", name=re.compile("^Shift")).click()
    expect(page.get_by_text("runs on all")).to_be_visible()
    dashboard.screenshot("split-acknowledged")
    assert demo.api("GET", "services/shop/catalog/split/").body["weights"] == {"v1": 50, "v2": 50}
    change = demo.api("GET", "changes/?page_size=1&action=split.set").body["results"][0]
    assert (change["actor"], change["reason"]) == ("admin", "half and half")

    def followed() -> bool:
        versions = demo.api("GET", "services/shop/catalog/traffic/?window=5s").body["versions"]
        return 0.3 < versions.get("v2", {"share": 0})["share"] < 0.7

    until(followed, "the observed split follows", 20)


def test_a_change_is_found_and_reverted(dashboard: Dashboard, demo: Demo) -> None:
    demo.set_split("shop/catalog", {"v1": 100, "v2": 0})
    demo.set_split("shop/catalog", {"v1": 80, "v2": 20})
    change = demo.api("GET", "changes/?page_size=1&action=split.set").body["results"][0]
    page = dashboard.open(f"/changes/{change['id']}")
    page.get_by_role("button", name="Revert").click()
    page.get_by_role("dialog").get_by_role("button", name="Revert").click()
    until(
        lambda: demo.api("GET", "services/shop/catalog/split/").body["weights"] == {"v1": 100, "v2": 0},
        "the split is what it was",
    )


def test_every_proxy_shows_its_sync_state(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/proxies")
    for proxy in demo.api("GET", "proxies/").body["results"]:
        expect(page.get_by_text(proxy["name"], exact=True).first).to_be_visible()


def test_the_palette_finds_a_service_by_keyboard_alone(dashboard: Dashboard) -> None:
    page = dashboard.open("/")
    page.get_by_role("navigation").first.wait_for()
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Page, service or proxy").fill("shop/payments")
    # The proxies of the service speak of it too, and may be there before it.
    hit = page.get_by_role("dialog").locator("[data-action]").first
    expect(hit).to_have_text(re.compile("^shop/payments"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/services/shop/payments**")


def test_logging_out_ends_the_session(browser: Browser, demo: Demo) -> None:
    dashboard = Dashboard(browser, demo)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    status = dashboard.page.evaluate(
        """async () => {
            const me = await (await fetch('/api/v1/auth/me/')).json()
            await fetch('/api/v1/auth/logout/', {method: 'POST', headers: {'X-CSRFToken': me.csrf}})
            return (await fetch('/api/v1/services/')).status
        }"""
    )
    assert status == 401
    dashboard.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_every_page_renders_in_both_themes_and_on_a_phone(
    browser: Browser, demo: Demo, theme: str, width: int, height: int
) -> None:
    """Keeps screenshots; fails on an error in the console and where a page scrolls sideways."""
    dashboard = Dashboard(browser, demo, width=width, height=height, theme=theme)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    for name, path in PAGES.items():
        page = dashboard.open(path)
        settled(page)
        dashboard.screenshot(f"{name}-{theme}-{width}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} scrolls {wide} px sideways"
    assert dashboard.complaints == []
    dashboard.close()


def test_who_comes_to_the_login_page_first_can_sign_in_there(browser: Browser, demo: Demo) -> None:
    dashboard = Dashboard(browser, demo)
    dashboard.sign_in(at="/login")
    dashboard.page.get_by_role("navigation").first.wait_for()
    assert dashboard.complaints == []
    dashboard.close()
