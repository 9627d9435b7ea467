"""A real Chromium for tests, signed in to a running demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import chromium
from tests.support.demo import PASSWORD, Demo

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = Path("test-results/screenshots")


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.ensure(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Dashboard:
    """A page of the dashboard. ``complaints`` collects what a console would show in red."""

    def __init__(
        self, browser: Browser, demo: Demo, *, width: int = 1440, height: int = 900, theme: str = "light"
    ) -> None:
        self.demo = demo
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            locale="en-US",
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self._complain(line.text))

    def sign_in(self, password: str = PASSWORD, *, at: str = "") -> None:
        self.page.goto(f"{self.demo.url}{at}")
        self.page.get_by_label("User name").fill("admin")
        self.page.get_by_role("textbox", name="Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.demo.url}{path}")
        return self.page

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def close(self) -> None:
        self.context.close()

    def _complain(self, text: str) -> None:
        if "401" not in text:  # asking who is signed in before anyone is
            self.complaints.append(text)
