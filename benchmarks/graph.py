"""The graph under load: ``GET /api/v1/graph/`` over HTTP, and a request at a proxy until it is in a browser's hands.

    python -m benchmarks.graph [--json OUT] [--seconds 12]

Everything is real except the proxies' traffic: embedded PostgreSQL and Valkey, uvicorn, the collector, and fifteen
minutes of frames on the stream. Reports of every edge arrive each second while it measures. ``cold`` is the first
request for a window after the web process started; ``live`` is from the XADD of a report until a WebSocket that follows
the graph has the diff with its requests; ``diff kB`` is what a browser gets each second. Peer: there is none that
answers in one process; the budget is p95 <= 100 ms at 1,000 services and 5,000 edges, and 2 s live.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import redis
import websockets

from benchmarks.collector import MASTER, make_edge
from benchmarks.support import Process, report, wait_for_port
from meshui.config import embedded
from meshui.config.datadir import DataDir
from proxies.wire import keys
from proxies.wire.reports import Telemetry, entry, proxy_key

PORTS = range(27_000, 28_000)
CASES = ((100, 500), (1000, 5000))
"""Services and edges."""
HISTORY_S = 15 * 60
VARIETY = 20
"""Different seconds that the history is made of."""
WINDOWS = ("60s", "900s")
RPS = 10
MARK = "proxy-0"
DEADLINE_S = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=12.0, help="how long each case is measured")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{'case':<34}{'cold':>9}{'p50':>9}{'p95':>9}{'p99':>9} ms")
    for services, edges in CASES:
        with tempfile.TemporaryDirectory(prefix="meshui-graph-") as folder, _mesh(Path(folder), services, edges) as api:
            rows += [_requests(api, services, edges, window, options.seconds) for window in WINDOWS]
            rows.append(asyncio.run(_live(api, services, edges, options.seconds)))
    report("graph", rows, options.json)
    return 0


class Api:
    """Where the control plane is, and a token for it."""

    def __init__(self, port: int, token: str, redis_url: str, rss_mb: Any) -> None:
        self.port, self.token, self.redis_url, self.rss_mb = port, token, redis_url, rss_mb
        self.headers = {"Authorization": f"Bearer {token}", "Host": f"127.0.0.1:{port}"}


def _requests(api: Api, services: int, edges: int, window: str, seconds: float) -> dict[str, object]:
    took: list[float] = []
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        connection.request("GET", f"/api/v1/graph/?window={window}", headers=api.headers)
        response = connection.getresponse()
        data = response.read()
        took.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise SystemExit(data.decode())
        time.sleep(1 / RPS)
    graph = json.loads(data)
    cold, warm = took[0], sorted(took[1:]) or took
    row: dict[str, object] = {
        "case": f"{services} services, {edges} edges, {window}",
        "system": "meshui",
        "cold_ms": round(cold, 1),
        "p50_ms": round(statistics.median(warm), 1),
        "p95_ms": round(warm[int(len(warm) * 0.95)], 1),
        "p99_ms": round(warm[int(len(warm) * 0.99)], 1),
        "edges": len(graph["edges"]),
        "answer_kb": round(len(data) / 1024),
        "rss_mb": round(api.rss_mb()),
    }
    print(
        "{case:<34}{cold_ms:>9}{p50_ms:>9}{p95_ms:>9}{p99_ms:>9}   {edges} edges, {answer_kb} kB, {rss_mb} MB".format(
            **row
        )
    )
    return row


async def _live(api: Api, services: int, edges: int, seconds: float) -> dict[str, object]:
    """Reports with a count that nobody else has, and when the edge that they touch shows them."""
    waits: list[float] = []
    sizes: list[int] = []
    client = redis.Redis.from_url(api.redis_url)
    rng = random.Random(3)
    target = "ns1/service-1"
    edge = f"ns0/service-0->{target}"
    async with websockets.connect(
        f"ws://127.0.0.1:{api.port}/ws/live/", additional_headers=api.headers, max_size=None
    ) as socket:
        await socket.send(json.dumps({"subscribe": "graph", "params": {"window": "1s"}}))
        await socket.recv()
        until = time.monotonic() + seconds
        boot = secrets.randbelow(1 << 30)
        seq = 0
        while time.monotonic() < until:
            await asyncio.sleep(rng.random())
            seq += 1
            mark = make_edge(rng, target)
            size = sum(response.count for response in mark.responses)
            message = Telemetry(proxy=MARK, boot=boot, seq=seq, at=time.time(), edges=[mark])
            began = time.perf_counter()
            client.xadd(keys.telemetry(MARK), entry(proxy_key(MASTER, MARK), message))
            while True:
                text = await asyncio.wait_for(socket.recv(), DEADLINE_S)
                diff = json.loads(text)["data"]
                shown = {each["id"]: each for each in diff.get("edges", ())}
                if edge in shown and shown[edge]["requests"] == size:
                    break
            waits.append((time.perf_counter() - began) * 1000)
            sizes.append(len(text))
    waits.sort()
    row: dict[str, object] = {
        "case": f"{services} services, {edges} edges, live",
        "system": "meshui",
        "p50_ms": round(statistics.median(waits)),
        "p95_ms": round(waits[int(len(waits) * 0.95)]),
        "p99_ms": round(waits[-1]),
        "diff_kb": round(statistics.mean(sizes) / 1024),
    }
    print("{case:<34}{0:>9}{p50_ms:>9}{p95_ms:>9}{p99_ms:>9}   {diff_kb} kB a diff".format("", **row))
    return row


# --- the mesh ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filled:
    """A control plane's servers with a mesh in them: what its processes need in their environment."""

    environment: dict[str, str]
    port: int
    token: str
    redis_url: str


@contextlib.contextmanager
def filled(folder: Path, services: int, edges: int) -> Iterator[Filled]:
    """PostgreSQL and Valkey with a registry and fifteen minutes of frames."""
    data = DataDir(folder, PORTS)
    servers = [embedded.postgres(data, durable=False), embedded.valkey(data, durable=False)]
    port = data.ports(["web"])["web"]
    environment = {
        "DATABASE_URL": servers[0].url,
        "REDIS_URL": servers[1].url,
        "MESHUI_ENV": "demo",
        "MESHUI_PORT": str(port),
        "MESHUI_DATA_DIR": str(data.path),
        "DJANGO_SETTINGS_MODULE": "meshui.config.settings",
        "MESHUI_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "MESHUI_CA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "MESHUI_REPORT_KEY": base64.b64encode(MASTER).decode(),
    }
    with contextlib.ExitStack() as stack:
        for server in servers:
            server.prepare()
            stack.enter_context(Process(server.command))
            _wait(server.ready, server.name)
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.graph_mesh", str(services), str(edges)],
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        yield Filled(environment, port, made.stdout.strip(), servers[1].url)


@contextlib.contextmanager
def _mesh(folder: Path, services: int, edges: int) -> Iterator[Api]:
    """A mesh with its web process and collector, and reports each second."""
    with contextlib.ExitStack() as stack:
        mesh = stack.enter_context(filled(folder, services, edges))
        web = ["-m", "uvicorn", "meshui.config.asgi:application", "--host", "127.0.0.1", "--port", str(mesh.port)]
        stack.enter_context(Process([sys.executable, "manage.py", "collector"], env=mesh.environment))
        process = stack.enter_context(
            Process(
                [sys.executable, *web, "--loop", "uvloop", "--http", "httptools", "--no-access-log"],
                env=mesh.environment,
            )
        )
        wait_for_port(mesh.port)
        stack.enter_context(_reports(mesh.redis_url, services, edges))
        yield Api(mesh.port, mesh.token, mesh.redis_url, process.rss_mb)


@contextlib.contextmanager
def _reports(redis_url: str, services: int, edges: int) -> Iterator[None]:
    """Every edge, each second; each service's proxy reports its own. The first service's is left to the probe."""
    ended = threading.Event()
    rng = random.Random(5)
    client = redis.Redis.from_url(redis_url)
    boot = secrets.randbelow(1 << 30)
    chosen = [[make_edge(rng, target) for target in targets] for targets in targets_of(services, edges)]

    def send() -> None:
        seq = 0
        while not ended.wait(1.0 - time.time() % 1.0):
            seq += 1
            pipe = client.pipeline(transaction=False)
            for number, own in enumerate(chosen[1:], 1):
                proxy = f"proxy-{number}"
                message = Telemetry(proxy=proxy, boot=boot, seq=seq, at=time.time(), edges=own)
                pipe.xadd(keys.telemetry(proxy), entry(proxy_key(MASTER, proxy), message), maxlen=20_000)
            pipe.execute()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def targets_of(services: int, edges: int) -> list[list[str]]:
    """Whom each service calls: the next ones, so that every edge is another."""
    each = edges // services
    return [
        [f"ns{to % 10}/service-{to}" for to in ((number + step) % services for step in range(1, each + 1))]
        for number in range(services)
    ]


def _wait(condition: Any, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(main())
