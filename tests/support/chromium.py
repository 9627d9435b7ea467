"""Finds a Chromium for the browser tests, and gets one where there is none.

In this order: $CHROMIUM, PATH, Debian's package when we are root, Playwright's own. ``python -m
tests.support.chromium`` prints where it is, or fails: browser tests are never skipped for want of a browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of an installed Chromium."""
    if named := os.environ.get("CHROMIUM"):
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _playwrights()


def ensure() -> str:
    """The path of a Chromium, installed if need be. Raises RuntimeError."""
    if found := find():
        return found
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        package = "apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium"
        attempts.insert(0, ["sh", "-c", package])
    for attempt in attempts:
        # What an installer says goes to stderr: stdout is for the path.
        subprocess.run(attempt, stdout=sys.stderr, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if found := find():
            return found
    raise RuntimeError("no Chromium: install one, or set CHROMIUM to its path")


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


if __name__ == "__main__":
    print(ensure())
