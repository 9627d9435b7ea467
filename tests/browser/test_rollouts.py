"""Rollouts in a real browser: the wizard by keyboard alone, and the cockpit against real traffic."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support import rollouts
from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until

STEPS = ("Strategy", "Steps", "Analysis", "Safety", "Review")
MOST_TABS = 80


@pytest.fixture(autouse=True)
def catalogue(demo: Demo) -> Iterator[None]:
    with rollouts.stable_catalogue(demo):
        yield


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until the element has the focus, as somebody without a mouse would."""
    wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    wanted.first.wait_for()
    for _ in range(MOST_TABS):
        if wanted.first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{role} {name} cannot be reached by Tab")


def start_by_keyboard(page: Page) -> str:
    """From the list to a running rollout of the catalogue with every default; answers its id."""
    tab_to(page, "link", "Start a rollout")
    page.keyboard.press("Enter")
    tab_to(page, "combobox", "Service")
    page.keyboard.type(rollouts.SERVICE)
    page.get_by_role("option", name=rollouts.SERVICE).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Before the start")).to_be_visible()
    for number, step in enumerate(STEPS, 2):
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text(f"{number} of 6: {step}")).to_be_focused()
        assert f"step={step.lower()}" in page.url
    expect(page.get_by_role("button", name=re.compile("^Start: v2 takes"))).to_be_enabled()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/rollouts/\d+$"))
    return page.url.rpartition("/")[2]


def test_a_rollout_is_started_and_aborted_by_keyboard_alone(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/rollouts")
    rollout = start_by_keyboard(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("v2 takes 1 % of shop/catalog")
    dashboard.screenshot("cockpit-started")
    tab_to(page, "button", "Abort")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("back to v1 at once, on all")
    tab_to(page, "button", "Abort, back to v1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("shop/catalog went back from v2 to v1")
    assert rollouts.state(demo, rollout) == "rolled_back"
    assert demo.api("GET", "services/shop/catalog/split/").body["weights"] == {"v1": 100, "v2": 0}


def test_a_draft_survives_a_reload_and_names_its_faults(dashboard: Dashboard) -> None:
    page = dashboard.open("/rollouts/new?service=shop/catalog&step=steps")
    weight = page.get_by_label("Weight of step 4")
    weight.fill("1")
    expect(page.get_by_text("1 is not above 1")).to_be_visible()
    dashboard.complaints.clear()  # the browser notes each refusal
    page.reload()
    expect(weight).to_have_value("1 %")
    expect(page.get_by_text("1 is not above 1")).to_be_visible()
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("button", name=re.compile("^Start"))).to_be_disabled()
    dashboard.complaints.clear()


def test_a_bad_canary_goes_back_by_itself_with_the_reason_in_numbers(dashboard: Dashboard, demo: Demo) -> None:
    rollouts.break_canary(demo, 0.3)
    rollout = rollouts.start(demo)
    page = dashboard.open(f"/rollouts/{rollout}")
    expect(page.get_by_role("heading", level=1)).to_have_text("shop/catalog went back from v2 to v1", timeout=60_000)
    expect(page.locator(".cockpit-head")).to_contain_text(re.compile(r"\d\.\d\d% of canary requests failed"))
    row = page.get_by_role("table", name="Analysis").get_by_role("row", name=re.compile("^Errors"))
    expect(row).to_contain_text("Fail")
    expect(page.get_by_role("img", name=re.compile("^E against its limit"))).to_be_visible()
    expect(page.get_by_text("runs on all")).to_be_visible()
    dashboard.screenshot("cockpit-rolled-back")


def test_a_good_canary_is_promoted_live_and_undone(dashboard: Dashboard, demo: Demo) -> None:
    rollout = rollouts.start(demo)
    page = dashboard.open(f"/rollouts/{rollout}")
    expect(page.get_by_role("timer")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("v2 replaced v1 of shop/catalog", timeout=90_000)
    dashboard.screenshot("cockpit-succeeded")
    page.get_by_role("button", name=re.compile("^Undo")).click()
    page.get_by_role("dialog").get_by_role("button", name="Back to v1").click()
    page.wait_for_url(lambda url: url.rpartition("/")[2] not in ("", rollout))
    until(
        lambda: demo.api("GET", "services/shop/catalog/split/").body["weights"] == {"v1": 100, "v2": 0},
        "the traffic is back",
        30,
    )


def test_a_rollout_is_paused_resumed_and_not_approved_by_its_author(dashboard: Dashboard, demo: Demo) -> None:
    rollout = rollouts.start(demo, steps=[{"set_weight": 10}, {"pause": {}}, {"approve": {}}, {"set_weight": 100}])
    page = dashboard.open(f"/rollouts/{rollout}")
    title = page.get_by_role("heading", level=1)
    expect(title).to_contain_text("is paused at 10 %: by hand", timeout=30_000)
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(title).to_contain_text("waits for approval", timeout=30_000)
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_have_attribute("aria-disabled", "true")
    approve.hover()
    expect(page.get_by_role("tooltip")).to_have_text("You started it; somebody else approves.")


def test_the_service_shows_what_owns_it_and_offers_no_edit(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services/shop/catalog?tab=split")
    expect(page.get_by_role("link", name="Start a rollout")).to_be_visible()
    expect(page.get_by_role("button", name="Even")).to_be_visible()
    rollouts.start(demo, steps=[{"set_weight": 10}, {"pause": {}}, {"set_weight": 100}])
    banner = page.get_by_role("region", name="Rollout of this service")
    expect(banner).to_contain_text("shop/catalog")
    expect(page.get_by_role("button", name="Even")).to_have_count(0)
    banner.get_by_role("link", name="Open rollout").click()
    page.wait_for_url(re.compile(r"/rollouts/\d+$"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_cockpit_has_no_grave_fault_and_fits(
    browser: Browser, demo: Demo, theme: str, width: int, height: int
) -> None:
    rollout = rollouts.start(demo, steps=[{"set_weight": 10}, {"pause": {}}, {"set_weight": 100}])
    until(lambda: rollouts.state(demo, rollout) == "paused", "it waits", 30)
    dashboard = Dashboard(browser, demo, width=width, height=height, theme=theme)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    page = dashboard.open(f"/rollouts/{rollout}")
    page.get_by_role("button", name="Abort").wait_for()
    settled(page)
    dashboard.screenshot(f"cockpit-{theme}-{width}")
    found = faults(page)
    page.get_by_role("button", name="Abort").click()
    page.get_by_role("dialog").wait_for()
    found += faults(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    dashboard.close()
    assert found == []
    assert wide <= 0
    assert dashboard.complaints == []
