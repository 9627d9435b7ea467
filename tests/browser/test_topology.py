"""The graph's page in a real browser: find and hide, focus, collapse, files, replay, and what it costs when idle."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until

EDGE = "shop/frontend → shop/catalog"
COUNT_FRAMES = """
    window.frames = 0
    const ask = window.requestAnimationFrame.bind(window)
    window.requestAnimationFrame = (run) => ask((at) => { window.frames += 1; run(at) })
"""
HIDE = """() => {
    Object.defineProperty(document, 'hidden', {get: () => true})
    document.dispatchEvent(new Event('visibilitychange'))
}"""


def _graph(dashboard: Dashboard, search: str = "") -> Page:
    page = dashboard.open(f"/topology{search}")
    page.locator(".graph-canvas canvas").first.wait_for()
    return page


def test_hide_takes_away_and_find_counts_and_both_stand_in_the_address(dashboard: Dashboard) -> None:
    page = dashboard.open("/topology?view=table")
    row = page.get_by_role("button", name=EDGE, exact=True)
    expect(row).to_be_visible()
    page.get_by_role("textbox", name="Hide").fill("to = shop/catalog")
    page.get_by_role("textbox", name="Hide").press("Enter")
    expect(row).to_have_count(0)
    expect(page.get_by_text(re.compile(r"^\d+ hidden$"))).to_be_visible()
    page.get_by_role("textbox", name="Find").fill("from = shop/frontend and rate > 0")
    page.get_by_role("textbox", name="Find").press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+ found$"))).to_be_visible()
    expect(page.get_by_role("button", name="shop/cart → platform/users", exact=True)).to_have_count(0)
    page.reload()
    expect(page.get_by_role("textbox", name="Hide")).to_have_value("to = shop/catalog")
    expect(page.get_by_role("button", name="shop/frontend → shop/cart", exact=True)).to_be_visible()
    expect(row).to_have_count(0)


def test_a_query_is_completed_by_keyboard_and_a_fault_is_shown_at_its_place(dashboard: Dashboard) -> None:
    page = _graph(dashboard)
    page.keyboard.press("/")
    find = page.get_by_role("textbox", name="Find")
    expect(find).to_be_focused()
    page.keyboard.type("n")
    expect(page.get_by_role("option", name=re.compile("^ns"))).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(find).to_have_value("ns ")
    page.keyboard.type("= plat")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(find).to_have_value("ns = platform ")
    expect(page.get_by_text(re.compile(r"^\d+ found$"))).to_be_visible()
    find.fill("rate > fast and tcp")
    page.keyboard.press("Escape")
    expect(page.locator(".query-fault mark")).to_have_text("fast")
    assert "find=ns" in page.url, "what is faulty takes no effect"


def test_focus_from_the_panel_widens_by_keyboard(dashboard: Dashboard) -> None:
    page = _graph(dashboard, "?sel=shop/payments")
    page.get_by_role("button", name="Only its neighbours").click()
    page.wait_for_url("**focus=shop**payments**")
    expect(page.get_by_text("1 hop", exact=True)).to_be_visible()
    page.keyboard.press("]")
    expect(page.get_by_text("2 hops", exact=True)).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_role("radio", name="Callers")).to_be_checked()
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="shop/checkout → shop/payments", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="shop/payments → platform/users", exact=True)).to_have_count(0)
    page.keyboard.press("Shift+F")
    expect(page.get_by_role("button", name=EDGE, exact=True)).to_be_visible()


def test_a_namespace_collapses_and_opens(dashboard: Dashboard) -> None:
    page = dashboard.open("/topology?sel=shop/cart&view=table")
    expect(page.get_by_role("button", name=EDGE, exact=True)).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="shop/", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="platform/gateway → shop/", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=EDGE, exact=True)).to_have_count(0)
    page.get_by_role("button", name="Open shop").click()
    expect(page.get_by_role("button", name=EDGE, exact=True)).to_be_visible()


@pytest.mark.parametrize("kind", ["PNG", "SVG", "JSON", "DOT"])
def test_the_graph_is_saved_as_it_is_shown(dashboard: Dashboard, kind: str, tmp_path: Path) -> None:
    page = _graph(dashboard, "?hide=to%20%3D%20shop%2Fcatalog")
    expect(page.get_by_text(re.compile(r"^\d+ hidden$"))).to_be_visible()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name=re.compile(f"{kind}$")).click()
    name = saved.value.suggested_filename
    assert re.fullmatch(rf"mesh\.local-60s-\d{{8}}T\d{{6}}Z\.{kind.lower()}", name)
    file = tmp_path / name
    saved.value.save_as(file)
    if kind == "PNG":
        assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(file.read_bytes()[16:20]) > 1000, "twice the size of the drawing"
    elif kind == "SVG":
        texts = [each.text for each in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text")]
        assert {"catalog", "frontend", "shop", "platform"} <= set(texts)
    elif kind == "JSON":
        data = json.loads(file.read_text())
        assert data["shown"]["hide"] == "to = shop/catalog"
        assert "shop/catalog" not in {edge["target"] for edge in data["edges"]}
        assert all(node["position"] for node in data["nodes"])
    else:
        assert '"shop/frontend" -> "shop/cart"' in file.read_text()
        assert '-> "shop/catalog"' not in file.read_text()


def test_the_past_is_replayed_with_its_changes_and_said_to_be_past(dashboard: Dashboard, demo: Demo) -> None:
    demo.applied(demo.set_split("shop/catalog", {"v1": 90, "v2": 10}))
    change = demo.api("GET", "changes/?page_size=1&action=split.set").body["results"][0]
    time_of_change = time.time()
    until(lambda: time.time() > time_of_change + 11, "the step of the change is over", 20)
    page = _graph(dashboard)
    page.keyboard.press("r")
    expect(page.get_by_text("You are looking at the past")).to_be_visible()
    slider = page.get_by_role("slider", name="Moment shown")
    expect(slider).to_be_visible()
    mark = page.locator(f'.scrubber-marks [aria-label*="#{change["id"]} by admin"]')
    expect(mark).to_be_visible()
    latest = slider.get_attribute("aria-valuenow")
    slider.press("ArrowLeft")
    expect(slider).not_to_have_attribute("aria-valuenow", str(latest))
    expect(page.get_by_text("past", exact=True)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Back to live").click()
    expect(page.get_by_text(re.compile(r"^live, \d+ s$")).first).to_be_visible()
    page.keyboard.press("r")
    mark.click()
    if page.get_by_role("menuitem").count():
        page.get_by_role("menuitem", name=re.compile(f"#{change['id']} ")).click()
    page.wait_for_url(f"**/changes/{change['id']}")


def test_an_arrangement_travels_in_a_link(dashboard: Dashboard) -> None:
    dashboard.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = _graph(dashboard)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="Copy link with this arrangement").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.get_by_text("Arrangement of the link")).to_be_visible()
    page.get_by_role("button", name="Back to your own arrangement").click()
    expect(page.get_by_text("Arrangement of the link")).to_have_count(0)


def test_nothing_is_drawn_while_nobody_looks(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.add_init_script(COUNT_FRAMES)
    _graph(dashboard)
    until(lambda: page.evaluate("window.frames") > 30, "traffic moves")
    page.evaluate(HIDE)

    def asleep() -> bool:
        before = page.evaluate("window.frames")
        page.wait_for_timeout(500)
        return bool(page.evaluate("window.frames") == before)

    until(asleep, "no frame is asked for any more", 15)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_state_of_the_page_has_a_grave_fault(browser: Browser, demo: Demo, theme: str) -> None:
    dashboard = Dashboard(browser, demo, theme=theme)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    found = {}
    for search in (
        "?find=failing%20or%20rate%20%3E%201&hide=idle",
        "?find=rate%20%3E",
        "?focus=shop/catalog&hops=2&dir=callers",
        "?closed=shop&sel=shop/",
        "?by=instance",
        "?view=table&find=shop",
        f"?at={int(time.time()) - 20}&sel={EDGE.replace(' → ', '->')}",
    ):
        page = dashboard.open(f"/topology{search}")
        settled(page)
        found[search] = faults(page)
    assert dashboard.complaints == []
    dashboard.close()
    assert {search: these for search, these in found.items() if these} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_every_state_renders_in_both_themes_and_on_a_phone(
    browser: Browser, demo: Demo, theme: str, width: int, height: int
) -> None:
    dashboard = Dashboard(browser, demo, width=width, height=height, theme=theme)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    for name, search in {
        "find": "?find=rate%20%3E%2010",
        "focus": "?focus=shop/catalog",
        "collapsed": "?closed=shop&sel=shop/",
        "instances": "?by=instance",
        "replay": f"?at={int(time.time()) - 30}",
    }.items():
        page = _graph(dashboard, search)
        settled(page)
        dashboard.screenshot(f"topology-{name}-{theme}-{width}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} scrolls {wide} px sideways"
    assert dashboard.complaints == []
    dashboard.close()
