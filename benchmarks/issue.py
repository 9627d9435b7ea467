"""Certificates: how many one core signs, and a mesh whose proxies all want one at the same moment.

    python -m benchmarks.issue [--json OUT] [--proxies 1000] [--rate 200]

Everything is real: embedded PostgreSQL (durable) and Valkey, uvicorn, the Celery worker and beat, the collector. The
proxies keep to the agent's time-outs and back-off. ``join`` is a mesh that starts for the first time, ``restart`` the
same proxies having lost their state: each joins again under its name, which evicts the former; ``renew`` is all of
them with their keys, an hour into an outage. ``last`` is when the last of them had its certificate. Meanwhile a person
looks at the graph and changes a split, each up to five times a second; p95 of both beside it, and how many failed.
Budgets: 300 signatures a second on one core, 20 s until the last.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.control_plane import Api, control_plane
from benchmarks.issue_herd import Proxy
from benchmarks.support import load_average, report
from meshui.config.datadir import DataDir
from proxies.wire.join import JoinRequest, JoinResponse, RenewRequest, RenewResponse

PORTS = range(28_000, 29_000)
UNPACED = 10_000
"""A rate that turns nobody away: where signing alone is measured."""
SIGNED = 200
"""Whole renewals, one after the other."""
PERIOD_S = 0.2
SPLITS = itertools.cycle(({"v1": 90, "v2": 10}, {"v1": 50, "v2": 50}))
LINE = "{case:<10}{last_s:>8}{p50_s:>8}{attempts:>10}{graph_p95_ms:>11}{split_p95_ms:>11}{failed:>8}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--proxies", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=200, help="MESHUI_CSR_RATE")
    options = parser.parse_args()
    print(f"load average before: {load_average()}")
    rows = [*signing(), *herds(options.proxies, options.rate)]
    report("issue", rows, options.json)
    return 0


def signing() -> Iterator[dict[str, object]]:
    """Signatures on one core, alone and as whole renewals."""
    with _mesh(UNPACED) as (api, _):
        token = _token(api, SIGNED)
        proxies = [Proxy(f"p{number}", ec.generate_private_key(ec.SECP256R1())) for number in range(SIGNED)]
        for proxy in proxies:
            answer = api("POST", "proxies/join/", msgspec.to_builtins(proxy.join(token)))
            proxy.joined(msgspec.convert(answer, JoinResponse))
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.issue_signing"],
            input=json.dumps([proxy.told() for proxy in proxies]) + "\n",
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a line for each signature
            text=True,
        )
    for row in json.loads(told.stdout):
        print("{case:<18}{per_s:>6} a second{per_cpu_s:>8} a second of CPU time".format(**row), flush=True)
        yield {"system": "meshui", **row}


def herds(count: int, rate: int) -> Iterator[dict[str, object]]:
    """All proxies at once."""
    proxies = [Proxy(f"p{number}", ec.generate_private_key(ec.SECP256R1())) for number in range(count)]
    print(f"{count} at once, {rate} signed a second")
    print(f"{'':<10}{'last s':>8}{'p50 s':>8}{'attempts':>10}{'graph p95':>11}{'split p95':>11}{'failed':>8}")
    with _mesh(rate) as (api, base):

        def taken(case: str, path: str, requests: list[Any], take: Callable[[Proxy, Any], None]) -> dict[str, object]:
            with _watched(api) as (waits, failed):
                found = _herd(base, path, requests)
            for proxy, each in zip(proxies, found, strict=True):
                take(proxy, each["answer"])
            after = sorted(each["after_s"] for each in found)
            row = {
                "case": case,
                "system": "meshui",
                "last_s": round(after[-1], 1),
                "p50_s": round(after[len(after) // 2], 1),
                "attempts": round(sum(each["attempts"] for each in found) / count, 2),
                **{f"{name}_p95_ms": round(_p95(took) * 1000) for name, took in waits.items()},
                "failed": len(failed),
            }
            print(LINE.format(**row), flush=True)
            return row

        def join() -> list[JoinRequest]:
            token = _token(api, 2 * count)  # an answer that comes too late has taken a use
            return [proxy.join(token) for proxy in proxies]

        def joined(proxy: Proxy, answer: Any) -> None:
            proxy.joined(msgspec.convert(answer, JoinResponse))

        def renewed(_: Proxy, answer: Any) -> None:
            msgspec.convert(answer, RenewResponse)

        yield taken("join", "proxies/join/", join(), joined)
        yield taken("restart", "proxies/join/", join(), joined)
        renewals: list[RenewRequest] = [proxy.renewal() for proxy in proxies]
        yield taken("renew", "proxies/renew/", renewals, renewed)


@contextmanager
def _mesh(rate: int) -> Iterator[tuple[Api, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="meshui-issue-") as folder,
        control_plane(DataDir(Path(folder), PORTS), MESHUI_CSR_RATE=str(rate)) as (api, _),
    ):
        api("POST", "namespaces/", {"name": "bench", "description": ""})
        api("POST", "services/", {"namespace": "bench", "name": "s0", "description": "", "versions": ["v1", "v2"]})
        yield api, api.base


def _token(api: Api, uses: int) -> str:
    sent = {"service": "bench/s0", "version": "v1", "uses": uses, "ttl_s": 600}
    return str(api("POST", "join-tokens/", sent)["token"])


def _herd(base: str, path: str, requests: list[Any]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.issue_herd", base],
        input=msgspec.json.encode((path, requests)),
        check=True,
        stdout=subprocess.PIPE,
    )
    return list(json.loads(done.stdout))


@contextmanager
def _watched(api: Api) -> Iterator[tuple[dict[str, list[float]], list[str]]]:
    """Ask for the graph and change a split every ``PERIOD_S`` meanwhile; seconds that each took, and what failed."""
    waits: dict[str, list[float]] = {"graph": [], "split": []}
    asks: dict[str, Callable[[], object]] = {
        "graph": lambda: api("GET", "graph/"),
        "split": lambda: api("PUT", "services/bench/s0/split/", {"weights": next(SPLITS)}),
    }
    failed: list[str] = []
    over = threading.Event()

    def run(name: str) -> None:
        while not over.wait(PERIOD_S):
            began = time.perf_counter()
            try:
                asks[name]()
            except (RuntimeError, OSError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed.append(name)
            waits[name].append(time.perf_counter() - began)

    threads = [threading.Thread(target=run, args=[name]) for name in asks]
    for thread in threads:
        thread.start()
    try:
        yield waits, failed
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _p95(took: list[float]) -> float:
    return sorted(took)[int(0.95 * len(took))] if took else float("nan")


if __name__ == "__main__":
    sys.exit(main())
