"""Every page of the dashboard, and when one has finished loading."""

from __future__ import annotations

from playwright.sync_api import Page, expect

CATALOG = "/services/shop/catalog"
WIZARD = "/rollouts/new?service=shop/catalog"
WIZARD_STEPS = ("service", "strategy", "steps", "analysis", "safety", "review")
PAGES = {
    "overview": "/",
    "topology": "/topology",
    "topology-table": "/topology?view=table",
    "topology-selected": "/topology?sel=shop/catalog",
    "alerts": "/alerts",
    "alerts-resolved": "/alerts?tab=resolved&group=none",
    "objectives": "/alerts?tab=objectives",
    "silences": "/alerts?tab=silences",
    "receivers": "/alerts?tab=receivers",
    "services": "/services",
    "service": CATALOG,
    "series": f"{CATALOG}?range=1h&compare=24h&by=version",
    "service-objectives": f"{CATALOG}?tab=objectives",
    "split": f"{CATALOG}?tab=split",
    "routes": f"{CATALOG}?tab=routes",
    "routes-yaml": f"{CATALOG}?tab=routes&view=yaml",
    "routes-try": f"{CATALOG}?tab=routes&view=try&source=shop/frontend",
    "routes-exchange": f"{CATALOG}?tab=routes&view=exchange",
    "routing": "/routing",
    "routing-try": "/routing/try?source=platform/gateway&host=shop.localhost",
    "routing-import": "/routing/import",
    "service-changes": f"{CATALOG}?tab=changes",
    "rollouts": "/rollouts",
    **{f"rollout-{step}": f"{WIZARD}&step={step}" for step in WIZARD_STEPS},
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
