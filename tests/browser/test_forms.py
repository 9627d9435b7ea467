"""The forms that change the mesh: catalogue, resilience, hosts of a gateway, eviction."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.pages import settled
from tests.support.browser import Dashboard
from tests.support.demo import Demo
from tests.support.poll import until


def test_a_namespace_a_service_and_a_version_are_created(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services")
    settled(page)
    page.get_by_role("button", name="Create namespace").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("lab")
    dialog.get_by_role("button", name="Create namespace").click()
    dialog.wait_for(state="hidden")
    page.get_by_role("button", name="Create service").click()
    dialog.get_by_role("combobox", name="Namespace").click()
    page.get_by_role("option", name="lab").click()
    dialog.get_by_label("Name", exact=True).fill("probe")
    dialog.get_by_role("button", name="Create service").click()
    page.wait_for_url("**/services/lab/probe**")
    page.get_by_role("button", name="Add version").click()
    dialog.get_by_label("Name").fill("v2")
    dialog.get_by_label("Reason").fill("a second one")
    dialog.get_by_role("button", name="Add version").click()
    expect(page.get_by_role("row", name=re.compile("^v2"))).to_be_visible()
    assert demo.api("GET", "services/lab/probe/").body["split"] == {"v1": 100, "v2": 0}


def test_the_connect_timeout_is_changed_and_acknowledged(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services/shop/cart?tab=routes")
    settled(page)
    page.get_by_role("button", name="Connect timeout").click()
    page.get_by_role("textbox", name="Connect timeout").fill("750 ms")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Connect timeout: 1 s → 750 ms")).to_be_visible()
    page.get_by_role("button", name="Apply 1 change to shop/cart").click()
    expect(page.get_by_text("runs on all")).to_be_visible()
    assert demo.api("GET", "services/shop/cart/resilience/").body["connect_timeout_ms"] == 750


def test_a_host_is_added_to_the_gateway_and_a_bad_one_refused(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services")
    settled(page)
    page.get_by_role("button", name="Edit hosts").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add host").click()
    dialog.get_by_label("Host", exact=True).last.fill("not a host")
    dialog.get_by_role("combobox", name="Service").last.fill("shop/cart")
    page.get_by_role("option", name="shop/cart").click()
    with page.expect_console_message(lambda line: line.type == "error"):  # the browser notes the refusal
        dialog.get_by_role("button", name=re.compile("^Apply")).click()
    expect(dialog.locator("[aria-invalid=true]")).to_have_count(1)
    dashboard.complaints.clear()
    dialog.get_by_label("Host", exact=True).last.fill("cart.example.com")
    dialog.get_by_role("button", name=re.compile("^Apply")).click()
    dialog.wait_for(state="hidden")
    hosts = demo.api("GET", "gateways/platform/gateway/").body["hosts"]
    assert {"host": "cart.example.com", "service": "shop/cart"} in hosts


def test_an_eviction_names_what_it_touches(dashboard: Dashboard, demo: Demo) -> None:
    proxy = next(p for p in demo.api("GET", "proxies/").body["results"] if p["name"] == "payments-v2")
    page = dashboard.open(f"/proxies/{proxy['id']}")
    settled(page)
    page.get_by_role("button", name="Evict").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It serves shop/payments v2")
    dialog.get_by_role("button", name="Evict payments-v2").click()
    page.wait_for_url("**/proxies")
    until(lambda: demo.api("GET", f"proxies/{proxy['id']}/").status == 404, "the proxy is gone")


def test_an_instance_is_drained_and_let_back_in(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services/platform/users?tab=split")
    settled(page)
    row = page.get_by_role("row", name=re.compile("Passing"))
    expect(row).to_contain_text("heartbeat")
    row.get_by_role("button", name="Drain").click()
    page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    row = page.get_by_role("row", name=re.compile("Draining"))
    row.get_by_role("button", name="Let back in").click()
    page.get_by_role("dialog").get_by_role("button", name="Let back in").click()
    expect(page.get_by_role("row", name=re.compile("Passing"))).to_be_visible()
    assert not demo.api("GET", "services/platform/users/instances/").body["results"][0]["draining"]


def test_a_gateway_is_created_and_deleted(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/services")
    settled(page)
    page.get_by_role("button", name="Create gateway").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Namespace").click()
    page.get_by_role("option", name="platform").click()
    dialog.get_by_label("Name", exact=True).fill("inner")
    dialog.get_by_role("button", name="Add host").click()
    dialog.get_by_label("Host", exact=True).fill("inner.example.com")
    dialog.get_by_role("combobox", name="Service").click()
    page.get_by_role("option", name="shop/cart").click()
    dialog.get_by_role("button", name="Create gateway").click()
    dialog.wait_for(state="hidden")
    row = page.get_by_role("row", name=re.compile(r"platform\/inner"))
    row.get_by_role("button", name="Delete").click()
    expect(dialog).to_contain_text("1 hosts and 0 proxies")
    dialog.get_by_role("button", name="Delete platform/inner").click()
    expect(row).to_have_count(0)
    assert demo.api("GET", "gateways/platform/inner/").status == 404


def test_a_service_and_a_version_are_deleted(dashboard: Dashboard, demo: Demo) -> None:
    assert demo.api("POST", "services/", {"namespace": "shop", "name": "gone", "versions": ["v1", "v2"]}).status == 201
    page = dashboard.open("/services/shop/gone?tab=split")
    settled(page)
    dialog = page.get_by_role("dialog")
    page.get_by_role("row", name=re.compile("^v1")).get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove v1 of shop/gone").click()
    expect(dialog.get_by_role("alert")).to_be_visible()  # it has the weight
    assert len(dashboard.complaints) == 1
    dashboard.complaints.clear()
    page.keyboard.press("Escape")
    page.get_by_role("row", name=re.compile("^v2")).get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove v2 of shop/gone").click()
    expect(page.get_by_role("row", name=re.compile("^v2"))).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    expect(dialog).to_contain_text("1 versions and 0 instances")
    dialog.get_by_role("button", name="Delete shop/gone").click()
    page.wait_for_url("**/services")
    assert demo.api("GET", "services/shop/gone/").status == 404
