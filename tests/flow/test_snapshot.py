"""``manage.py open-snapshot`` as a person runs it: a real file, real processes, an interrupt at the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener

import psutil
import pytest

from tests.support.demo import ROOT, free_port
from tests.support.poll import until

FILE = "tests/meshui/snapshots/demo.meshui"
READY = re.compile(r"meshui ready: (http\S+) user (\S+) password (\S+)")


class Opened:
    """A snapshot's dashboard, asked with a browser's session; ``folder`` is where it makes its temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "open-snapshot", FILE, "--port", str(free_port())],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))
        threading.Thread(target=self._read, daemon=True).start()

    def login(self) -> None:
        until(lambda: self.process.poll() is not None or self._ready(), "the snapshot is shown", 120)
        ready = self._ready()
        assert ready, "".join(self.output)
        self._base, user, password = ready.groups()
        assert self.ask("GET", "auth/me/")[0] == 401
        assert self.ask("POST", "auth/login/", {"username": user, "password": password})[0] == 200

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON."""
        csrf = next((str(each.value) for each in self._cookies if "csrf" in each.name), "")
        headers = {"Content-Type": "application/json", "Origin": self._base, "X-CSRFToken": csrf}
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._opener.open(Request(f"{self._base}/api/v1/{path}", data, headers, method=method)) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())

    def _ready(self) -> re.Match[str] | None:
        return READY.search("".join(self.output))

    def _read(self) -> None:
        assert self.process.stdout
        self.output.extend(iter(self.process.stdout.readline, ""))


@pytest.fixture
def opened() -> Iterator[Opened]:
    with tempfile.TemporaryDirectory(prefix="meshui-flow-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        running = Opened(Path(folder))
        try:
            running.login()
            yield running
        finally:
            if running.process.poll() is None:
                running.process.terminate()
                running.process.wait(40)


def test_a_snapshot_is_shown_refuses_writes_and_leaves_nothing_behind(opened: Opened) -> None:
    status, info = opened.ask("GET", "info/")
    assert status == 200 and info["snapshot"]["since"] < info["snapshot"]["taken_at"]

    status, graph = opened.ask("GET", "graph/?window=5m")
    assert status == 200 and {"shop/catalog", "shop/frontend"} <= {node["id"] for node in graph["nodes"]}
    assert any(edge["rps"] for edge in graph["edges"]), "the recorded past is the present"
    assert opened.ask("GET", "overview/")[0] == 200

    status, refusal = opened.ask("POST", "namespaces/", {"name": "other"})
    assert (status, refusal["code"]) == (403, "read_only")
    assert "other" not in str(opened.ask("GET", "namespaces/")[1])

    processes = psutil.Process(opened.process.pid).children(recursive=True)
    assert len(processes) >= 3
    opened.process.send_signal(signal.SIGINT)
    assert opened.process.wait(40) == 0, "".join(opened.output)
    assert not psutil.wait_procs(processes, timeout=5)[1]
    assert not list(opened.folder.iterdir())
