"""The Routing pages on the real stack: routes built, checked, applied, acknowledged and reverted; requests tried; other
meshes' rules imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import CATALOG, settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo

ROUTING = f"{CATALOG}?tab=routes"
PLAIN = [{"name": "default"}]


def put(demo: Demo, part: str, body: dict[str, object]) -> None:
    path = f"services/shop/catalog/{part}/"
    etag = demo.api("GET", path).headers["etag"]
    assert demo.api("PUT", path, body, If_Match=etag).status == 200


def routes(demo: Demo) -> list[dict[str, object]]:
    return demo.api("GET", "services/shop/catalog/routes/").body["routes"]


@pytest.fixture(autouse=True)
def plain_rules(demo: Demo) -> Iterator[None]:
    """Each test begins and ends with the rules that the demo comes with, all to v1."""
    put(demo, "routes", {"routes": PLAIN})
    demo.set_split("shop/catalog", {"v1": 100, "v2": 0})
    yield
    put(demo, "routes", {"routes": PLAIN})


def add(page: Page, form: Locator, button: str, item: str) -> None:
    form.get_by_role("button", name=button).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def draft_beta(page: Page) -> Locator:
    """Draft a route: a template and a header lead to v2, mirrored and sticky."""
    page.get_by_role("button", name="Add route").click()
    page.get_by_role("group", name="Route route").get_by_role("textbox", name="Name").fill("beta")
    form = page.get_by_role("group", name="Route beta")
    add(page, form, "Add condition", "Path")
    form.get_by_role("combobox", name="Path").click()
    page.get_by_role("option", name="Template").click()
    form.get_by_role("textbox", name="Path value").fill("/items/{id}")
    add(page, form, "Add condition", "Header")
    form.get_by_role("textbox", name="Header").fill("x-tier")
    form.get_by_role("textbox", name="Value", exact=True).fill("beta")
    add(page, form, "Add to this route", "Mirror")
    form.get_by_role("textbox", name="Share").fill("10")
    add(page, form, "Add to this route", "Stickiness")
    form.get_by_role("region", name="Stickiness").get_by_role("textbox", name="Name").fill("seat")
    return form


def test_a_route_is_built_checked_applied_acknowledged_and_reverted(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open(ROUTING)
    settled(page)
    form = draft_beta(page)
    draft = page.get_by_role("region", name="Draft")

    form.get_by_role("textbox", name="Share").fill("101")
    expect(form.get_by_text("0 to 100")).to_be_visible()  # told here
    expect(page.get_by_role("button", name="Review")).to_be_disabled()
    form.get_by_role("textbox", name="Share").fill("10")
    form.get_by_role("textbox", name="Path value").fill("/items/{id")
    expect(form.get_by_role("region", name="Match").locator("[aria-invalid=true]")).to_have_count(
        1
    )  # told by a dry run
    expect(draft.get_by_text("1 error")).to_be_visible()
    dashboard.screenshot("routing-invalid")
    dashboard.complaints.clear()  # the browser notes the refusals
    form.get_by_role("textbox", name="Path value").fill("/items/{id}")
    expect(draft.get_by_text("valid")).to_be_visible()
    assert [route["name"] for route in routes(demo)] == ["default"]

    page.get_by_role("button", name="Review").click()
    sentence = "/items/{id} with x-tier: beta → the service's split, 10 % mirrored to v2, sticky by cookie seat"
    expect(page.get_by_text(f"Route beta, at 1: {sentence}")).to_be_visible()
    expect(page.get_by_text("Over the last hour")).to_be_visible()
    page.get_by_label("Reason").fill("beta testers")
    settled(page)
    dashboard.screenshot("routing-review")
    page.get_by_role("button", name="Apply 1 change to shop/catalog").click()
    expect(page.get_by_text("runs on all")).to_be_visible()
    dashboard.screenshot("routing-applied")
    beta, default = routes(demo)
    assert (beta["name"], default["name"]) == ("beta", "default")
    assert beta["mirror"] == {"version": "v2", "percent": 10.0, "unsafe": False}
    assert beta["sticky"] == {"kind": "cookie", "name": "seat", "ttl_s": 0}
    change = demo.api("GET", "changes/?page_size=1&action=routes.set").body["results"][0]
    assert (change["actor"], change["reason"]) == ("admin", "beta testers")

    page.get_by_role("button", name="Revert").click()
    expect(page.get_by_role("heading", name="Reverted")).to_be_visible()
    expect(page.get_by_text("runs on all")).to_be_visible()
    assert [route["name"] for route in routes(demo)] == ["default"]


def test_routes_are_reordered_by_keyboard(dashboard: Dashboard, demo: Demo) -> None:
    put(
        demo,
        "routes",
        {
            "routes": [
                {"name": name, "match": {"path": {"kind": "exact", "value": f"/{name}"}}} for name in ("a", "b", "c")
            ]
        },
    )
    page = dashboard.open(ROUTING)
    settled(page)
    page.get_by_role("button", name=re.compile("^Move route c")).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("status").filter(has_text="Route c is now 1 of 3")).to_have_count(1)
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Route c moves from 3 to 1")).to_be_visible()
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.get_by_text("runs on all")).to_be_visible()
    assert [route["name"] for route in routes(demo)] == ["c", "a", "b"]


def test_a_route_is_dragged(dashboard: Dashboard, demo: Demo) -> None:
    put(
        demo,
        "routes",
        {
            "routes": [
                {"name": name, "match": {"path": {"kind": "exact", "value": f"/{name}"}}} for name in ("a", "b", "c")
            ]
        },
    )
    page = dashboard.open(ROUTING)
    settled(page)
    handles = page.get_by_role("button", name=re.compile("^Move route"))
    start, end = handles.nth(0).bounding_box(), handles.nth(2).bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 8, start["y"] + 16)
    page.mouse.down()
    page.mouse.move(start["x"] + 8, end["y"] + 30, steps=6)
    page.mouse.up()
    expect(handles.nth(2)).to_have_accessible_name(re.compile("^Move route a, now 3 of 3"))


def test_a_request_is_tried_now_and_with_the_draft(dashboard: Dashboard) -> None:
    page = dashboard.open(ROUTING)
    settled(page)
    form = draft_beta(page)
    form.get_by_role("combobox", name="To", exact=True).click()
    page.get_by_role("option", name="Weights of its own").click()
    form.get_by_role("textbox", name="v1").fill("0")
    form.get_by_role("textbox", name="v2").fill("100")
    dashboard.complaints.clear()  # on the way there the weights did not sum to 100
    page.get_by_role("region", name="Draft").get_by_role("button", name="Try a request").click()
    page.get_by_role("combobox", name="Source").fill("shop/frontend")
    page.get_by_role("option", name="shop/frontend").click()
    page.get_by_role("textbox", name="Path", exact=True).fill("/items/7")
    page.get_by_role("textbox", name="Headers").fill("x-tier: beta")
    now, then = page.get_by_role("region", name="Now"), page.get_by_role("region", name="With the draft")
    expect(now).to_contain_text("Forwarded to v1")
    expect(then).to_contain_text("Forwarded to v2")
    expect(then).to_contain_text("x-tier: beta")
    dashboard.screenshot("routing-try")
    dashboard.complaints.clear()


def test_a_tried_request_is_shared_by_its_address(dashboard: Dashboard) -> None:
    page = dashboard.open(f"/routing/try?source=shop/frontend&host=catalog.shop.mesh&path={quote('/items/7?q=1')}")
    expect(page.get_by_role("region", name="What it would meet")).to_contain_text("GET /items/7?q=1 HTTP/1.1")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Page, service or proxy").fill("try")
    expect(page.get_by_role("dialog").get_by_text("Try a request")).to_be_visible()


VIRTUAL_SERVICE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: shop}
spec:
  hosts: [catalog]
  http:
    - name: beta
      match: [{headers: {x-tier: {exact: beta}}}]
      route: [{destination: {host: catalog, subset: v2}}]
      corsPolicy: {allowOrigins: [{exact: "https://example.com"}]}
    - name: rest
      timeout: 2s
      route: [{destination: {host: catalog, subset: v1}}]
"""


def test_an_istio_virtual_service_becomes_a_draft(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/routing/import")
    page.get_by_role("textbox", name="Istio").fill(VIRTUAL_SERVICE)
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_text("Rules for 1 service")).to_be_visible()
    expect(page.get_by_role("list", name="What differs")).to_contain_text("corsPolicy")
    dashboard.screenshot("routing-import")
    page.get_by_role("button", name="Take as draft").click()
    page.get_by_role("link", name="Look at the draft").click()
    expect(page.get_by_role("button", name=re.compile(r"x-tier: beta → v2"))).to_be_visible()
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name=re.compile("^Apply")).click()
    expect(page.get_by_text("runs on all").first).to_be_visible()
    assert routes(demo)[-1]["timeouts"] == {"request_ms": 2000, "idle_ms": 300000}
    demo.set_split("shop/catalog", {"v1": 100, "v2": 0})


def test_yaml_is_edited_both_ways(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open(f"{ROUTING}&view=yaml")
    text = page.get_by_role("textbox", name="All rules as YAML")
    expect(text).to_have_value(re.compile("routes:\n  - name: default"))
    text.fill("split: {v1: 100, v2: 0}\nroutes:\n  - name: default\n    timeouts: {request_ms: 2.5}\n")
    expect(page.get_by_text("Line 4:")).to_be_visible()
    text.fill("split: {v1: 100, v2: 0}\nroutes:\n  - name: default\n    timeouts: {request_ms: 2500}\n")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Route default, timeouts: 15 s → 2.5 s")).to_be_visible()
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.get_by_text("runs on all")).to_be_visible()
    assert routes(demo)[0]["timeouts"] == {"request_ms": 2500, "idle_ms": 300000}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_editors_have_no_grave_fault(browser: Browser, demo: Demo, theme: str) -> None:
    dashboard = Dashboard(browser, demo, theme=theme)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    page = dashboard.open(ROUTING)
    settled(page)
    form = draft_beta(page)
    found = {}
    for option in ("Retries", "Rewrite", "Request headers", "Fault", "Rate limits", "Timeouts"):
        add(page, form, "Add to this route", option)
    form.get_by_role("button", name="Set a header").click()
    for group in ("Connect timeout", "Balancing", "Circuit breaker", "Retry budget", "Outlier detection"):
        page.get_by_role("button", name=group, exact=True).click()
    found["editor"] = faults(page)
    dashboard.screenshot(f"routing-editor-{theme}")
    form.get_by_role("button", name="Remove rewrite").click()  # it is empty, so the server refuses it
    expect(page.get_by_role("region", name="Draft").get_by_text("valid")).to_be_visible()
    page.get_by_role("button", name="Review").click()
    page.get_by_label("Reason").wait_for()
    settled(page)
    found["review"] = faults(page)
    dashboard.close()
    assert {name: these for name, these in found.items() if these} == {}
