"""What two sidecars with mTLS add to a request's latency at a steady rate, against the same with Envoy.

    python -m benchmarks.latency [--json OUT] [--seconds 5] [--rounds 3]

1,000 requests a second of 1 KB over 16 connections. The load is open: each request has its time, and its latency
counts from that time, sent or not, so that a proxy that stalls is charged for all that had to wait. The client polls
without sleeping on a core of its own. What is asked directly, without proxies, is the base; the systems take turns.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
from collections import deque
from contextlib import ExitStack
from os import sched_setaffinity
from pathlib import Path
from select import EPOLLIN, epoll
from time import perf_counter

from benchmarks import peers
from benchmarks.proxy import LOAD_CORE, start_all, start_upstream
from benchmarks.support import free_port, load_average, machine, report

RATE = 1000
CONNECTIONS = 16
REQUEST = b"GET /1024 HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n"
PATIENCE_S = 5.0
"""After so long without the last answers the run has failed."""


class Connection:
    """Sends one request at a time; those that are due meanwhile wait, and their time runs."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.latencies: list[float] = []
        self._due: deque[float] = deque()
        self._received = b""

    def ask(self, due: float) -> None:
        self._due.append(due)
        if len(self._due) == 1:
            self.socket.sendall(REQUEST)

    def read(self) -> None:
        """Take what came; when that completes the response, send the next request that waits."""
        data = self.socket.recv(65536)
        if not data:
            raise SystemExit("a connection was closed; figures mean nothing")
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._received = b""
        self.latencies.append(perf_counter() - self._due.popleft())
        if self._due:
            self.socket.sendall(REQUEST)


def _length(head: bytes) -> int:
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"answered {head[:40]!r}; figures mean nothing")
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])


def drive(port: int, seconds: float) -> list[float]:
    """Ask at the rate for so long. Returns the latencies in seconds."""
    connections = [Connection(port) for _ in range(CONNECTIONS)]
    poll = epoll()
    by_descriptor = {connection.socket.fileno(): connection for connection in connections}
    for descriptor in by_descriptor:
        poll.register(descriptor, EPOLLIN)
    count = int(seconds * RATE)
    asked = 0
    start = perf_counter()
    try:
        while sum(len(connection.latencies) for connection in connections) < count:
            due = start + asked / RATE
            now = perf_counter()
            if asked < count and now >= due:
                connections[asked % CONNECTIONS].ask(due)
                asked += 1
            elif now > start + seconds + PATIENCE_S:
                raise SystemExit("requests stayed without an answer; figures mean nothing")
            for descriptor, _ in poll.poll(0):
                by_descriptor[descriptor].read()
    finally:
        poll.close()
        for connection in connections:
            connection.socket.close()
    return [latency for connection in connections for latency in connection.latencies]


def measure(seconds: int, rounds: int) -> dict[str, list[list[float]]]:
    """The latencies of each system's rounds."""
    systems = [system for system in peers.SYSTEMS if system.mtls is not None and system.installed()]
    found: dict[str, list[list[float]]] = {"direct": [], **{system.name: [] for system in systems}}
    with tempfile.TemporaryDirectory(prefix="meshui-bench-") as folder, ExitStack() as stack:
        upstream = free_port()
        stack.enter_context(start_upstream(Path(folder), upstream))
        ports = {"direct": upstream}
        for system in systems:
            assert system.mtls is not None
            plan = system.mtls(Path(tempfile.mkdtemp(dir=folder)), upstream)
            ports[system.name] = stack.enter_context(start_all(plan))[1]
        sched_setaffinity(0, {int(LOAD_CORE)})
        for port in ports.values():  # the first round warms up
            drive(port, 1)
        for _ in range(rounds):
            for name, port in ports.items():
                found[name].append(drive(port, seconds))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--seconds", type=int, default=5, help="length of one round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    missing = [tool for tool in ("nginx", "taskset") if not peers.find(tool)]
    if missing:
        print(f"not installed: {', '.join(missing)} (apt install nginx util-linux)", file=sys.stderr)
        return 2
    print(f"{machine()}; load average {load_average()}", flush=True)
    rows: list[dict[str, object]] = []
    base: dict[str, float] = {}
    for name, rounds in measure(options.seconds, options.rounds).items():
        p50, p99 = (statistics.median(_quantile(latencies, q) for latencies in rounds) for q in (0.5, 0.99))
        base = base or {"p50": p50, "p99": p99}
        row = {"system": name, "p50_ms": p50, "p99_ms": p99, "added_p50_ms": p50 - base["p50"]}
        row["added_p99_ms"] = p99 - base["p99"]
        rows.append({key: value if isinstance(value, str) else round(value, 3) for key, value in row.items()})
        print(
            "{system:<8} p50 {p50_ms} ms  p99 {p99_ms} ms  added {added_p50_ms} and {added_p99_ms}".format(**rows[-1])
        )
    print(f"load average {load_average()}", flush=True)
    report("latency", rows, options.json)
    return 0


def _quantile(latencies: list[float], q: float) -> float:
    """In milliseconds."""
    return sorted(latencies)[int(q * len(latencies))] * 1000


if __name__ == "__main__":
    sys.exit(main())
