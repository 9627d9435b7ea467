"""The dashboard in a real Chromium: what it loads, what a frame and a live change cost, and how late the graph is.

    python -m benchmarks.ui [--json OUT] [--seconds 15]

``bundle`` is JavaScript by gzip: what every page loads first, and what the graph's page adds. ``largest paint`` is of
the overview on localhost, nothing cached. ``frame`` is the time of scripts in one animation frame while traffic moves
along the edges, ``diff`` of all scripts for one second's change of every edge, without the animation, from the socket
to the drawn graph: both on generated meshes, which the mock server sends whole each second, as a mesh where every edge
changes does. ``idle`` is the processor time of all of Chromium's processes with the graph of the demo open and its
animation stopped; ``hidden`` the same in a tab that nobody sees. ``request to pixels`` is from a request at the demo's
gateway until its count is on the screen. Peer: there is none to run here; the budgets are in the table of
docs/performance.md.
"""

from __future__ import annotations

import argparse
import gzip
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page

from benchmarks.support import Process, free_port, report, wait_for_port
from tests.support.browser import Dashboard, running_browser
from tests.support.demo import ROOT, Demo

FRONTEND = ROOT / "frontend"
MESHES = ((100, 500), (1000, 5000))
"""Services and edges."""
PROBES = 30
EDGE = "platform/gateway->shop/frontend"
SETTLE_S = 6.0
DEADLINE_S = 60.0

WATCH_FRAMES = """
    window.frames_ms = []
    const ask = window.requestAnimationFrame.bind(window)
    window.requestAnimationFrame = (run) => ask((at) => {
        const began = performance.now()
        run(at)
        window.frames_ms.push(performance.now() - began)
    })
"""
WATCH_DIFFS = """
    window.diffs = 0
    const Socket = window.WebSocket
    window.WebSocket = class extends Socket {
        constructor(...from) {
            super(...from)
            this.addEventListener('message', ({data}) => { if (data.includes('"diff"')) window.diffs += 1 })
        }
    }
"""
WATCH_PAINT = """
    window.largest = 0
    new PerformanceObserver((list) => { window.largest = list.getEntries().at(-1).startTime })
        .observe({type: 'largest-contentful-paint', buffered: true})
"""
STILL = "localStorage.setItem('meshui.motion', 'false')"
HIDE = """() => {
    Object.defineProperty(document, 'hidden', {get: () => true})
    Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})
    document.dispatchEvent(new Event('visibilitychange'))
}"""
SAMPLE = """
    const sampled = () => {
        const texts = [...document.querySelectorAll('.side-panel .facts *')].map((each) => each.textContent)
        const sample = texts.map((text) => /^([\\d,]+) requests?$/.exec(text)).find(Boolean)
        return sample ? Number(sample[1].replace(',', '')) : 0
    }
"""
"""The count of requests in the panel of the selected edge."""
COUNTED = f"() => {{ {SAMPLE} return sampled() }}"
PAINTED = f"""(seen) => new Promise((done) => {{
    {SAMPLE}
    const look = () => requestAnimationFrame(sampled() > seen ? () => requestAnimationFrame(done) : look)
    look()
}})"""
"""Resolves in the frame after the one that painted a higher count."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each case is measured")
    options = parser.parse_args()
    rows = [*bundle()]
    with running_browser() as browser:
        for services, edges in MESHES:
            with mock_server(services, edges) as url:
                rows += generated(browser, url, services, edges, options.seconds)
        with demo(50) as running:
            rows += first_paint(browser, running)
            rows += idle(browser, running, options.seconds)
        # With no traffic of its own, each request counted is one of ours.
        with demo(0) as running:
            rows += to_pixels(browser, running)
    report("ui", rows, options.json)
    return 0


def told(case: str, value: float, unit: str, budget: str) -> dict[str, object]:
    print(f"{case:<52}{value:>9} {unit:<10} {budget and f'budget {budget}'}", flush=True)
    return {"case": case, "system": "meshui", "value": value, "unit": unit, "budget": budget}


# --- what is loaded ---------------------------------------------------------------------------------------------


def bundle() -> Iterator[dict[str, object]]:
    dist = FRONTEND / "dist"
    page = (dist / "index.html").read_text()
    first = set(re.findall(r'(?:src|href)="/static/(assets/[^"]+\.js)"', page))
    yield told("bundle, first", _zipped_kb(dist / name for name in first), "KB gzip", "<= 250")
    graph = [path for path in (dist / "assets").glob("topology*.js")]
    yield told("bundle, added by the graph's page", _zipped_kb(graph), "KB gzip", "")


def _zipped_kb(paths: Any) -> float:
    return round(sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths) / 1000, 1)


# --- generated meshes -------------------------------------------------------------------------------------------


@contextmanager
def mock_server(services: int, edges: int) -> Iterator[str]:
    port = free_port()
    vite = ["node", str(FRONTEND / "node_modules" / "vite" / "bin" / "vite.js"), "preview", "--mode", "mock"]
    sizes = {"MESHUI_MOCK_SERVICES": str(services), "MESHUI_MOCK_EDGES": str(edges)}
    command = [*vite, str(FRONTEND), "--host", "127.0.0.1", "--port", str(port), "--strictPort"]
    with Process(command, env=sizes):
        wait_for_port(port, DEADLINE_S)
        yield f"http://127.0.0.1:{port}"


def generated(browser: Browser, url: str, services: int, edges: int, seconds: float) -> Iterator[dict[str, object]]:
    large = services > 300
    for opened in ("", "*") if large else ("",):
        name = f"{edges} edges" + (", all open" if opened else ", collapsed" if large else "")
        frames = _frames(browser, f"{url}/topology?open={opened}", seconds)
        budget = "<= 4" if edges == 500 else ""
        yield told(f"frame, {name}, median", round(statistics.median(frames), 2), "ms script", budget)
        yield told(f"frame, {name}, p95", round(frames[int(len(frames) * 0.95)], 2), "ms script", "")
        cost = _diff_cost(browser, f"{url}/topology?open={opened}", seconds)
        yield told(f"diff, {name}", round(cost, 1), "ms script", "<= 16" if edges == 500 else "")


def _opened(browser: Browser, url: str, *scripts: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US").new_page()
    for script in scripts:
        page.add_init_script(script)
    page.goto(url)
    page.locator(".graph-canvas canvas").first.wait_for(timeout=DEADLINE_S * 1000)
    page.wait_for_timeout(SETTLE_S * 1000)
    return page


def _frames(browser: Browser, url: str, seconds: float) -> list[float]:
    """Script time of each animation frame, sorted."""
    page = _opened(browser, url, WATCH_FRAMES)
    page.evaluate("window.frames_ms.length = 0")
    page.wait_for_timeout(seconds * 1000)
    frames: list[float] = page.evaluate("window.frames_ms")
    page.context.close()
    return sorted(frames)


def _diff_cost(browser: Browser, url: str, seconds: float) -> float:
    """Script time for one change of every edge, nothing else going on."""
    page = _opened(browser, url, STILL, WATCH_DIFFS)
    session = page.context.new_cdp_session(page)
    # The thread's own time: what else the machine does is not counted.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def script_s() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "ScriptDuration"))

    before, diffs = script_s(), page.evaluate("window.diffs")
    page.wait_for_timeout(seconds * 1000)
    spent, seen = script_s() - before, page.evaluate("window.diffs") - diffs
    page.context.close()
    return spent * 1000 / max(1, seen)


# --- the demo ---------------------------------------------------------------------------------------------------


@contextmanager
def demo(rps: int) -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="meshui-ui-") as folder:
        Path(folder).chmod(0o755)
        running = Demo(Path(folder), rps)
        try:
            running.start()
            yield running
        finally:
            running.stop()


def _signed_in(browser: Browser, running: Demo, *scripts: str) -> Dashboard:
    dashboard = Dashboard(browser, running)
    for script in scripts:
        dashboard.page.add_init_script(script)
    dashboard.sign_in()
    dashboard.page.get_by_role("navigation").first.wait_for()
    return dashboard


def first_paint(browser: Browser, running: Demo) -> Iterator[dict[str, object]]:
    dashboard = _signed_in(browser, running)
    paints = []
    for _ in range(5):
        page = dashboard.context.new_page()
        page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        page.add_init_script(WATCH_PAINT)
        page.goto(f"{running.url}/")
        page.wait_for_timeout(3000)
        paints.append(page.evaluate("window.largest"))
        page.close()
    dashboard.close()
    yield told("largest paint, overview", round(statistics.median(paints)), "ms", "<= 1000")


def idle(browser: Browser, running: Demo, seconds: float) -> Iterator[dict[str, object]]:
    dashboard = _signed_in(browser, running, STILL, WATCH_FRAMES)
    page = dashboard.open("/topology")
    page.locator(".graph-canvas canvas").first.wait_for()
    page.wait_for_timeout(SETTLE_S * 1000)
    yield told("idle, live, animation stopped", _cpu_percent(page, seconds), "% of a core", "")
    page.evaluate(HIDE)
    page.wait_for_timeout(2000)
    page.evaluate("window.frames_ms.length = 0")
    yield told("hidden", _cpu_percent(page, seconds), "% of a core", "0")
    yield told("hidden, animation frames", page.evaluate("window.frames_ms.length"), "frames", "0")
    dashboard.close()


def _cpu_percent(page: Page, seconds: float) -> float:
    chromium = [
        process
        for process in psutil.Process().children(recursive=True)
        if "--type=" in " ".join(process.cmdline()) or "--headless" in process.cmdline()
    ]
    spent = lambda: sum(sum(process.cpu_times()[:2]) for process in chromium if process.is_running())  # noqa: E731
    before = spent()
    page.wait_for_timeout(seconds * 1000)
    return round((spent() - before) / seconds * 100, 1)


def to_pixels(browser: Browser, running: Demo) -> Iterator[dict[str, object]]:
    """A request at a random moment, and when the panel beside the graph has counted it and the frame is painted."""
    running.get("/")
    dashboard = _signed_in(browser, running)
    page = dashboard.open(f"/topology?window=15m&sel={EDGE}")
    page.evaluate(PAINTED, 0)
    waits = []
    for probe in range(PROBES):
        time.sleep(0.2 + (probe * 0.37) % 1.0)
        seen = page.evaluate(COUNTED)
        began = time.perf_counter()
        running.get("/")
        page.evaluate(PAINTED, seen)
        waits.append((time.perf_counter() - began) * 1000)
    dashboard.close()
    waits.sort()
    yield told("request to pixels, median", round(statistics.median(waits)), "ms", "")
    yield told("request to pixels, p95", round(waits[int(len(waits) * 0.95)]), "ms", "<= 2000")


if __name__ == "__main__":
    raise SystemExit(main())
