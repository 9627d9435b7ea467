"""The Security pages on the real stack: a policy drafted in shadow, replayed on real traffic, enforced, seen denied in
the matrix and explained, then taken back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import settled
from tests.browser.test_accessibility import faults
from tests.support.browser import Dashboard
from tests.support.demo import Demo, fetch
from tests.support.poll import until
from tests.support.tokens import ISSUER, claims, ec_key, jwk, token

NAME = "only-frontend"
TRAFFIC_S = 60


@pytest.fixture(autouse=True)
def no_policies(demo: Demo) -> Iterator[None]:
    """Each test ends without policies, as the demo begins."""
    yield
    for policy in demo.api("GET", "policies/").body["results"]:
        demo.api("DELETE", f"policies/{policy['name']}/", If_Match=f'"{policy["version"]}"')


def cell(demo: Demo, source: str, destination: str) -> dict[str, object]:
    cells = demo.api("GET", "policies/matrix/?window=1m").body["cells"]
    return next((each for each in cells if (each["source"], each["destination"]) == (source, destination)), {})


def newly_denied(demo: Demo) -> int:
    rule = {"from": {"services": ["shop/frontend"]}}
    policy = {"name": NAME, "target": "shop/catalog", "action": "allow", "rules": [rule]}
    denied: int = demo.api("POST", "policies/replay/", {"policy": policy}).body["newly_denied"]
    return denied


def write(page: Page) -> None:
    """Draft a policy: only the frontend may GET from the catalog."""
    page.get_by_role("textbox", name="Name", exact=True).fill(NAME)
    page.get_by_role("combobox", name="For", exact=True).fill("shop/catalog")
    page.keyboard.press("Escape")
    services = page.get_by_role("combobox", name="Services", exact=True)
    services.fill("shop/frontend")
    services.press("Enter")
    methods = page.get_by_role("combobox", name="Methods")
    methods.fill("get")
    methods.press("Enter")


def test_a_policy_goes_from_shadow_to_force_and_back(dashboard: Dashboard, demo: Demo) -> None:
    until(lambda: newly_denied(demo), "requests were told of that the policy would deny", TRAFFIC_S, every_s=1)
    page = dashboard.open("/security")
    page.get_by_role("link", name="Create policy").click()
    write(page)
    page.get_by_role("combobox", name="Paths").fill("items")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Begins with / or *")).to_be_visible()  # told here
    expect(page.get_by_role("button", name="Review")).to_be_disabled()
    page.get_by_role("combobox", name="Paths").press("Backspace")
    expect(page.get_by_text("shop/frontend may GET anything")).to_be_visible()
    expect(page.get_by_text("Valid")).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"It would have denied .* requests that passed: .*shop/recommendations"))
    ).to_be_visible()
    dashboard.screenshot("security-replay")

    page.get_by_role("button", name="Review").click()
    page.get_by_label("Reason").fill("least privilege")
    page.get_by_role("button", name=f"Run {NAME} in shadow on shop/catalog").click()
    expect(page.get_by_text("runs on all")).to_be_visible()
    assert demo.api("GET", f"policies/{NAME}/").body["mode"] == "shadow"
    table = page.get_by_role("table", name="What it decided in the last 15 minutes")
    expect(table.locator("td.num").nth(2)).to_have_text(re.compile("[1-9]"), timeout=20_000)  # would deny
    dashboard.screenshot("security-shadow")

    page.get_by_role("button", name="Enforce").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("It would have denied")).to_be_visible()
    dialog.get_by_role("button", name="Enforce on shop/catalog").click()
    expect(page.get_by_role("heading", name=f"{NAME} decides who may call shop/catalog")).to_be_visible()
    expect(page.get_by_text("runs on all")).to_be_visible()
    assert demo.api("GET", f"policies/{NAME}/").body["mode"] == "enforce"
    until(lambda: cell(demo, "shop/recommendations", "shop/catalog").get("denied"), "requests are denied", TRAFFIC_S)

    dashboard.open("/security?tab=matrix")
    denied = page.get_by_role("gridcell", name="shop/recommendations to shop/catalog: denied")
    denied.click()
    details = page.get_by_role("complementary", name="The pair pointed at")
    expect(details.get_by_text("Policies deny it")).to_be_visible()
    dashboard.screenshot("security-denied")
    details.get_by_role("link", name="Explain").click()
    expect(page.get_by_text("No, it is denied")).to_be_visible()
    expect(page.get_by_role("region", name=NAME).get_by_text("not met: services")).to_be_visible()

    dashboard.open(f"/security/policies/{NAME}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Delete {NAME}").click()
    expect(page.get_by_role("heading", name="0 access policies")).to_be_visible()
    assert demo.api("GET", "policies/").body["results"] == []
    page.get_by_role("button", name="Revert").click()
    expect(page.get_by_role("link", name=NAME)).to_be_visible()


def test_the_matrix_is_walked_by_keyboard(dashboard: Dashboard) -> None:
    page = dashboard.open("/security?tab=matrix")
    settled(page)
    page.get_by_role("grid").get_by_role("gridcell").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_role("gridcell", selected=True)).to_be_focused()
    expect(page).to_have_url(re.compile("destination="))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_of_security_has_a_grave_fault(browser: Browser, demo: Demo, theme: str, width: int) -> None:
    rule = {"from": {"services": ["shop/frontend"]}, "when": [{"header": "x-tier", "in": ["gold"]}]}
    policy = {"name": NAME, "target": "shop/catalog", "action": "allow", "mode": "shadow", "rules": [rule]}
    assert demo.api("POST", "policies/", policy).status == 201
    dashboard = Dashboard(browser, demo, theme=theme, width=width)
    dashboard.sign_in()
    page = dashboard.page
    page.get_by_role("navigation").first.wait_for()
    found = {}
    for path in (
        "/security",
        f"/security/policies/{NAME}",
        "/security/policies/new",
        "/security?tab=matrix",
        "/security?tab=matrix&source=shop/frontend&destination=shop/catalog",
        "/security?tab=explain&source=shop/cart&service=shop/catalog",
        "/security?tab=suggest&service=shop/catalog",
        "/security?tab=mtls",
    ):
        dashboard.open(path)
        settled(page)
        found[path] = faults(page)
    dashboard.close()
    assert {path: these for path, these in found.items() if these} == {}


def test_a_token_is_asked_for_at_the_gateway_and_verified(dashboard: Dashboard, demo: Demo) -> None:
    """A provider made in the dashboard; its tokens required where strangers come in; then taken back."""
    key = ec_key()
    page = dashboard.open("/security?tab=tokens")
    page.get_by_role("button", name="Add provider").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name", exact=True).fill("staff")
    dialog.get_by_role("textbox", name="Issuer").fill(ISSUER)
    dialog.get_by_role("combobox", name="Algorithms").press("ArrowDown")  # opens what is on offer
    page.get_by_role("option", name="ES256").click()
    dialog.get_by_text("Given here").click()
    dialog.get_by_role("textbox", name="JWKS").fill(json.dumps({"keys": [jwk(key)]}))
    dialog.get_by_role("button", name="Add provider").click()
    expect(page.get_by_role("table", name="Tokens").get_by_text("staff")).to_be_visible()
    dashboard.screenshot("security-tokens")

    (gateway,) = (row["service"] for row in demo.api("GET", "mtls/").body["effective"] if row["gateway"])
    setting = f"mtls/services/{gateway}/"

    def require(tokens: object) -> None:
        put = demo.api("PUT", setting, {"tokens": tokens}, If_Match=demo.api("GET", setting).headers["etag"])
        demo.applied(put.body["revision"])

    def status(text: str = "") -> int:
        headers = {"Authorization": f"Bearer {text}"} if text else {}
        return fetch(demo.gateway_port, "GET", "/", headers=headers).status

    good = claims(time.time(), aud=None)
    require({"providers": ["staff"], "required": True})
    try:
        assert status() == 401
        assert status(token(key, good, alg="ES256")) == 200
        assert status(token(ec_key(), good, alg="ES256")) == 401
        page = dashboard.open(f"/security?tab=explain&service={gateway}")
        expect(page.get_by_text("A token is required").first).to_be_visible()
        settled(page)
        assert faults(page) == []
    finally:
        require(None)
        demo.api("DELETE", "jwt-providers/staff/", If_Match="*")
    assert status() == 200
