"""The real Prometheus, from Debian's package, for tests: with a past that a test made up, or empty."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.poll import until

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="needs the prometheus binary on PATH (Debian: apt install prometheus)",
)


@contextmanager
def prometheus(folder: Path, *, past: str = "", config: str = "scrape_configs: []\n") -> Iterator[tuple[str, int]]:
    """A server on a port that it chooses: its URL and its process id. ``past`` is OpenMetrics text with times."""
    (folder / "prometheus.yml").write_text(config)
    data = folder / "data"
    if past:
        (folder / "past").write_text(past)
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "past"), str(data)],
            check=True,
            capture_output=True,
        )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={data}",
             "--storage.tsdb.retention.time=1y", "--web.listen-address=127.0.0.1:0"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{until(lambda: _port(process.pid), 'Prometheus listens')}"
        until(lambda: _ready(url), "Prometheus is ready")
        yield url, process.pid
    finally:
        process.kill()
        process.wait()


def _port(pid: int) -> int:
    return next((c.laddr.port for c in psutil.Process(pid).net_connections("tcp") if c.status == "LISTEN"), 0)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.RequestException:
        return False
