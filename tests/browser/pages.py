"""Every page of the dashboard, and when one has finished loading."""

from __future__ import annotations

from playwright.sync_api import Page, expect

CATALOG = "/services/shop/catalog"
PAGES = {
    "overview": "/",
    "topology": "/topology",
    "topology-table": "/topology?view=table",
    "topology-selected": "/topology?sel=shop/catalog",
    "services": "/services",
    "service": CATALOG,
    "split": f"{CATALOG}?tab=split",
    "routes": f"{CATALOG}?tab=routes",
    "service-changes": f"{CATALOG}?tab=changes",
    "proxies": "/proxies",
    "changes": "/changes",
    "settings": "/settings",
    "settings-join": "/settings?tab=join",
    "settings-people": "/settings?tab=people",
    "settings-about": "/settings?tab=about",
}


def settled(page: Page) -> None:
    """Wait until nothing on the page is loading any more."""
    page.locator("main > *").first.wait_for()
    expect(page.locator(".skeleton, [aria-busy=true]")).to_have_count(0)
