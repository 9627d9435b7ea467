"""Certificates, the authority and proposals on the real stack: a renewal ordered and seen done, the root replaced while
paused and resumed from its page, and a policy that takes two people."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo, fetch
from tests.support.poll import until

CART = "certificates/?current=1&service=shop/cart"
ROTATION_MS = 120_000
POLLED_MS = 15_000
POLICY = "two-people"
PASSWORD = "a second pair of eyes"


def confirm(page: Page, button: str, answer: str, reason: str = "") -> None:
    """Open a dialog by a button of the page, and send it."""
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    if reason:
        dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=answer, exact=True).click()
    expect(dialog).to_have_count(0)


def held(demo: Demo) -> dict[str, Any]:
    rows: list[dict[str, Any]] = demo.api("GET", CART).body["results"]
    return rows[0]


def test_a_renewal_is_ordered_and_seen_done(dashboard: Dashboard, demo: Demo) -> None:
    before = held(demo)["serial"]
    page = dashboard.open("/security?tab=certificates&q=svc/cart")
    row = page.get_by_role("row").filter(has_text="shop/cart")
    expect(row.get_by_text(before[:12])).to_be_visible()
    expect(row.locator("time").first).to_have_text(re.compile(r"^\d+:\d\d:\d\d$"))
    row.get_by_role("button", name="Renew").click()
    page.get_by_role("dialog").get_by_role("button", name="Renew").click()
    until(lambda: held(demo)["serial"] != before and held(demo)["held"], "the proxy has another certificate", 60)
    expect(row.get_by_text(held(demo)["serial"][:12])).to_be_visible(timeout=POLLED_MS)
    row.get_by_role("link", name="History").click()
    expect(page.get_by_text("Replaced").first).to_be_visible()


def test_a_revocation_says_whom_it_takes_and_wants_a_reason(dashboard: Dashboard) -> None:
    page = dashboard.open("/security?tab=certificates&q=svc/catalog")
    page.get_by_role("button", name="Revoke").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("^The identity")).click()
    expect(dialog.get_by_text("2 proxies lose their connections")).to_be_visible()
    expect(dialog.get_by_role("button", name="Revoke, and evict 2 proxies")).to_be_disabled()


def test_the_root_is_replaced_from_its_page(dashboard: Dashboard, demo: Demo) -> None:
    before = demo.api("GET", "authority/").body["certificates"]
    page = dashboard.open("/security?tab=authority")
    confirm(page, "Rotate the root", "Begin the rotation", "yearly")
    confirm(page, "Pause", "Pause")
    expect(page.get_by_role("heading", name=re.compile("The rotation is paused"))).to_be_visible()
    dashboard.screenshot("rotation-paused")
    confirm(page, "Resume", "Resume")
    done = page.get_by_role("table", name="Earlier rotations")
    expect(done).to_be_visible(timeout=ROTATION_MS)
    expect(done.get_by_text("Done")).to_be_visible()
    after = demo.api("GET", "authority/").body
    assert after["rotation"]["state"] == "done"
    assert not {each["fingerprint"] for each in before} & {each["fingerprint"] for each in after["certificates"]}
    assert demo.get("/").status == 200


def test_a_request_to_be_signed_offline_is_made_and_withdrawn(dashboard: Dashboard, demo: Demo) -> None:
    page = dashboard.open("/security?tab=authority")
    confirm(page, "Make a request", "Make a request")
    expect(page.get_by_text("BEGIN CERTIFICATE REQUEST")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSR").click()
    assert download.value.path().read_text() == demo.api("GET", "authority/request/").body["csr"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PEM").click()
    assert "BEGIN CERTIFICATE" in download.value.path().read_text()
    confirm(page, "Withdraw", "Withdraw")
    expect(page.get_by_role("button", name="Make a request")).to_be_visible(timeout=POLLED_MS)


def second_person(demo: Demo) -> str:
    """Their token."""
    role = {"role": "admin", "namespace": None}
    demo.api("POST", "users/", {"username": "ana", "password": PASSWORD, "roles": [role]})
    asked = {"username": "ana", "password": PASSWORD, "name": "browser", "expires_in": 3600}
    token: str = demo.api("POST", "auth/token/", asked).body["token"]
    return token


def approve(demo: Demo, token: str) -> None:
    """Whatever waits."""
    for each in demo.api("GET", "proposals/?state=open").body["results"]:
        path = f"/api/v1/proposals/{each['id']}/approve/"
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        answer = fetch(demo.port, "POST", path, b'{"reason": "looked at it"}', sent)
        assert answer.status == 200, answer


def test_a_policy_takes_two_people(dashboard: Dashboard, demo: Demo) -> None:
    token = second_person(demo)
    rule = {"from": {"services": ["shop/frontend"]}}
    policy = {"name": POLICY, "target": "shop/cart", "action": "allow", "mode": "shadow", "rules": [rule]}
    assert demo.api("POST", "policies/", policy).status == 201
    page = dashboard.open("/security?tab=proposals")
    row = page.get_by_role("table", name="Where two people are needed").get_by_role("row", name=re.compile("^shop "))
    row.get_by_role("button", name="Take two people").click()
    page.get_by_role("dialog").get_by_role("button", name="Take two people").click()
    expect(row.get_by_text("Two people", exact=True)).to_be_visible()

    dashboard.open(f"/security/policies/{POLICY}")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("not needed")
    dialog.get_by_role("button", name=f"Delete {POLICY}").click()
    dialog.get_by_role("button", name="Propose it").click()
    dialog.get_by_role("link", name="Proposals").click()
    expect(page.get_by_text("It is your own: somebody else approves it.")).to_be_visible()
    dashboard.screenshot("proposal")
    assert demo.api("GET", f"policies/{POLICY}/").status == 200
    approve(demo, token)
    expect(page.get_by_text("Approved by ana")).to_be_visible(timeout=POLLED_MS)
    assert demo.api("GET", f"policies/{POLICY}/").status == 404

    dashboard.open("/security?tab=proposals")
    row.get_by_role("button", name="Propose to end it").click()
    page.get_by_role("dialog").get_by_role("button", name="Propose to end it").click()
    expect(page.get_by_role("button", name=re.compile("review:shop"))).to_be_visible()
    approve(demo, token)
    expect(row.get_by_role("button", name="Take two people")).to_be_visible(timeout=POLLED_MS)
    # What takes two people is refused first, and browsers say so.
    dashboard.complaints[:] = [each for each in dashboard.complaints if "409" not in each]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_of_certificates_has_a_grave_fault(browser: Browser, demo: Demo, theme: str, width: int) -> None:
    dashboard = Dashboard(browser, demo, theme=theme, width=width)
    dashboard.sign_in()
    page = dashboard.page
    page.get_by_role("navigation").first.wait_for()
    found = {}
    for tab in ("certificates", "certificates&state=revoked", "authority", "proposals", "proposals&show=decided"):
        dashboard.open(f"/security?tab={tab}")
        settled(page)
        found[tab] = faults(page)
    dashboard.open("/security?tab=authority")
    page.get_by_role("button", name="Rotate the root").click()
    page.get_by_role("dialog").get_by_role("radio", name=re.compile("^Import")).click()
    found["rotate"] = faults(page)
    dashboard.close()
    assert {tab: these for tab, these in found.items() if these} == {}
