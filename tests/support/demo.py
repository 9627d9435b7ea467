"""The whole demo as a fixture: `manage.py demo` on ports and a data folder of its own, and the means to break it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.poll import until

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse-battery"
READY_DEADLINE_S = 120
STOP_DEADLINE_S = 40

PROCESSES = {
    "web": r"uvicorn",
    "worker": r"celery.* worker",
    "beat": r"celery.* beat",
    "collector": r"manage\.py collector",
    "valkey": r"(valkey|redis)-server",
    "postgres": r"bin/postgres -D",
}
"""What the command line of each control-plane process looks like."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Demo:
    """A running demo. ``api`` and ``fetch`` talk to it; ``processes`` finds what to kill."""

    def __init__(self, data_dir: Path, rps: int = 50, env: Mapping[str, str] | None = None) -> None:
        self.port, self.gateway_port = free_port(), free_port()
        self.data_dir = data_dir
        self.output: list[str] = []
        self._env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MESHUI_", "DATABASE_URL", "REDIS_URL"))},
            "MESHUI_PORT": str(self.port),
            "MESHUI_GATEWAY_PORT": str(self.gateway_port),
            "MESHUI_DATA_DIR": str(data_dir),
            "MESHUI_ADMIN_PASSWORD": PASSWORD,
            "DEMO_RPS": str(rps),
            **(env or {}),
        }
        self.token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo"],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        until(
            lambda: self.process.poll() is not None or any("meshui ready" in line for line in self.output),
            "the demo is ready",
            READY_DEADLINE_S,
        )
        assert self.process.poll() is None, "".join(self.output)
        self.token = self.api(
            "POST", "auth/token/", {"username": "admin", "password": PASSWORD, "name": "flow", "expires_in": 3600}
        ).body["token"]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError("the demo did not stop: " + "".join(self.output[-20:])) from None

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Call the REST API; ``path`` is below ``/api/v1/``. Keyword arguments are headers (``If_Match``)."""
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return fetch(self.port, method, f"/api/v1/{path}", data, sent)

    def get(self, path: str = "/") -> Answer:
        """One request through the gateway, as a client outside the mesh."""
        return fetch(self.gateway_port, "GET", path)

    def set_split(self, service: str, weights: dict[str, int]) -> int:
        """Make a split so, as a script would, and answer the revision at which it is (the latest if it already was)."""
        path = f"services/{service}/split/"
        current = self.api("GET", path)
        answer = self.api("PUT", path, {"weights": weights, "reason": "flow test"}, If_Match=current.headers["etag"])
        assert answer.status == 200, answer
        return int(answer.body["revision"] or self.api("GET", "info/").body["revision"])

    def applied(self, revision: int, timeout_s: float = 20) -> dict[str, Any]:
        """Wait until every connected proxy acknowledged the revision."""
        return until(
            lambda: (a := self.api("GET", f"revisions/{revision}/")).body["state"] == "applied" and a.body,
            f"revision {revision} applied",
            timeout_s,
        )

    def processes(self, name: str) -> list[psutil.Process]:
        """The demo's own processes of one kind (see PROCESSES)."""
        pattern = re.compile(PROCESSES[name])
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if pattern.search(" ".join(child.cmdline())):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    def kill(self, name: str) -> None:
        """kill -9 every process of the kind, and wait until others have taken their place."""
        victims = self.processes(name)
        assert victims, f"no {name} process to kill"
        dead = {victim.pid for victim in victims}
        for victim in victims:
            victim.kill()
        until(lambda: any(p.pid not in dead for p in self.processes(name)), f"{name} restarted", 40)

    def web_ready(self) -> bool:
        try:
            return fetch(self.port, "GET", "/readyz").status == 200
        except OSError:
            return False

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


def fetch(
    port: int, method: str, path: str, data: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        raw = response.read()
        kind = response.headers.get("content-type", "")
        body = json.loads(raw) if "json" in kind and raw else raw.decode(errors="replace")
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, body)
    finally:
        connection.close()


@dataclass
class Client:
    """A client outside the mesh that counts what it gets, at a steady rate, on one connection at a time."""

    demo: Demo
    rps: float = 40
    total: int = 0
    failures: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[Client]:
        stop = threading.Event()
        threads = [threading.Thread(target=self._loop, args=(stop,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _loop(self, stop: threading.Event) -> None:
        deadline = time.monotonic() + 300
        while not stop.wait(4 / self.rps) and time.monotonic() < deadline:
            self.once()

    def once(self) -> None:
        self.total += 1
        try:
            answer = self.demo.get()
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
            return
        failed = [str(call) for call in walk(answer.body) if call.get("status", 200) != 200]
        if answer.status != 200 or failed:
            self.failures.append(f"{answer.status} {failed}")
        for call in walk(answer.body):
            name = f"{call['service']}@{call.get('version')}"
            self.versions[name] = self.versions.get(name, 0) + 1


def walk(body: Any) -> Iterator[dict[str, Any]]:
    """Every call in an answer of the demo, the first one included."""
    if isinstance(body, dict) and "service" in body:
        yield body
        for call in body.get("calls", ()):
            yield from walk(call)


@contextmanager
def running_demo(rps: int = 50, env: Mapping[str, str] | None = None) -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="meshui-demo-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        demo = Demo(Path(folder), rps, env)
        try:
            demo.start()
            yield demo
        finally:
            demo.stop()
