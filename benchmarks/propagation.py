"""From a commit to the last proxy that acknowledged it.

    python -m benchmarks.propagation [--json OUT] [--changes 30] [--proxies 10 100 1000] [--loads idle churn abort]

Everything is real except the proxies' traffic: embedded PostgreSQL (durable) and Valkey, uvicorn, the Celery worker
and beat, the collector, and proxies that are the agent's own code over the real Redis protocol, each with its own ACL
user, in two processes. A change is a PUT of a split by the HTTP API; ``answer`` is how long the PUT took. The rest is
measured from when the revision's row was made, just before its commit: ``published`` until Redis had it, ``taken``
until the last proxy applied it, ``last`` until the last acknowledgement stood in the database. Under churn endpoints
change 20 times a second meanwhile. An abort is the click that ends a rollout at 20 %: a POST, and the rollback that it
commits; ``last`` is when no proxy sends anything new to the canary any more.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.control_plane import DEADLINE_S, Api, control_plane, make_csr, wait
from benchmarks.support import report
from meshui.config.datadir import DataDir

PORTS = range(25_000, 26_000)
PROCESSES = 2
CHURN_PER_S = 20
SERVICES = 20
WARM_UP = 2
LOADS = ("idle", "churn", "abort")
PAUSE_S = 0.3
POLL_S = 0.1
LINE = "{case:<12}{answer_p50_ms:>11}{published_p50_ms:>14}{taken_p50_ms:>10}{p50_ms:>10}{p99_ms:>8}{last_ms:>8}"
SPLITS = itertools.cycle(({"v1": 90, "v2": 10}, {"v1": 50, "v2": 50}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--proxies", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=LOADS)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{'ms':<12}{'answer p50':>11}{'published p50':>14}{'taken p50':>10}{'last p50':>10}{'p99':>8}{'worst':>8}")
    with (
        tempfile.TemporaryDirectory(prefix="meshui-propagation-") as folder,
        control_plane(DataDir(Path(folder), PORTS)) as (api, redis_url),
        contextlib.ExitStack() as fleets,
    ):
        _make_mesh(api)
        joined = 0
        for count in sorted(options.proxies):
            fleets.enter_context(_fleet(api, redis_url, joined, count))
            joined = count
            for load in options.loads:
                with _churn(api) if load == "churn" else contextlib.nullcontext():
                    row = _measure(api, count, load, options.changes)
                rows.append(row)
                print(LINE.format(**row), flush=True)
    report("propagation", rows, options.json)
    return 0


def _make_mesh(api: Api) -> None:
    api("POST", "namespaces/", {"name": "bench", "description": ""})
    for number in range(SERVICES):
        service = {"namespace": "bench", "name": f"s{number}", "description": "", "versions": ["v1", "v2"]}
        api("POST", "services/", service)
        for version, port in (("v1", 10_000), ("v2", 11_000)):
            _instance(api, f"s{number}", f"first-{version}", port + number, version)


def _instance(api: Api, service: str, instance: str, port: int, version: str = "v1") -> None:
    body = {"id": f"{service}-{instance}", "address": "127.0.0.1", "port": port, "version": version, "ttl_s": 3600}
    api("POST", f"services/bench/{service}/instances/", body)


# --- proxies ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _fleet(api: Api, redis_url: str, joined: int, count: int) -> Iterator[None]:
    """Proxies ``joined`` to ``count``, joined and following."""
    token = api("POST", "join-tokens/", {"service": "bench/s0", "version": "v1", "uses": count - joined, "ttl_s": 600})
    with ThreadPoolExecutor(4) as pool:
        identities = list(pool.map(lambda n: _join(api, token["token"], n), range(joined, count)))
    with contextlib.ExitStack() as stack:
        shares = [share for n in range(PROCESSES) if (share := identities[n::PROCESSES])]
        processes = [stack.enter_context(_simulated(share, redis_url)) for share in shares]
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("the simulated proxies did not get ready")
        yield


def _join(api: Api, token: str, number: int) -> dict[str, str]:
    joined = api(
        "POST",
        "proxies/join/",
        {
            "token": token,
            "csr": make_csr(),
            "name": f"p{number}",
            "listeners": [{"kind": "outbound", "port": 15001}],
        },
    )
    return {
        "id": joined["proxy_id"],
        "service": joined["service"],
        "password": joined["redis_password"],
        "report_key": joined["report_key"],
    }


@contextlib.contextmanager
def _simulated(identities: list[dict[str, str]], redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    parts = urlsplit(redis_url)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fake_proxy"],
        env={**os.environ, "REDIS_URL": f"redis://{parts.hostname}:{parts.port}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(identities).encode())
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _churn(api: Api) -> Iterator[None]:
    """Instances come and go at CHURN_PER_S."""
    stop = threading.Event()

    def run() -> None:
        for number in itertools.count():
            service = f"s{number % SERVICES}"
            _instance(api, service, "churn", 20_000)
            if stop.wait(1 / CHURN_PER_S):
                return
            api("DELETE", f"services/bench/{service}/instances/{service}-churn/")
            if stop.wait(1 / CHURN_PER_S):
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for number in range(SERVICES):
            with contextlib.suppress(RuntimeError):
                api("DELETE", f"services/bench/s{number}/instances/s{number}-churn/")


# --- figures ----------------------------------------------------------------------------------------------------


def _measure(api: Api, proxies: int, load: str, changes: int) -> dict[str, object]:
    change = _abort if load == "abort" else _change
    found = [change(api, proxies) for _ in range(WARM_UP + changes)][WARM_UP:]
    last = sorted(each["last"] for each in found)
    return {
        "case": f"{proxies} {load}",
        "system": "meshui",
        "p50_ms": round(statistics.median(last)),
        "p99_ms": round(last[min(len(last) - 1, int(0.99 * len(last)))]),
        "last_ms": round(last[-1]),
        "answer_p50_ms": round(statistics.median(each["answer"] for each in found)),
        "published_p50_ms": round(statistics.median(each["published"] for each in found)),
        "taken_p50_ms": round(statistics.median(each["taken"] for each in found)),
    }


def _change(api: Api, proxies: int) -> dict[str, float]:
    """Milliseconds of one change."""
    time.sleep(PAUSE_S)
    begun = time.perf_counter()
    revision = api("PUT", "services/bench/s1/split/", {"weights": next(SPLITS)})["revision"]
    return _settled(api, proxies, revision, (time.perf_counter() - begun) * 1000)


def _abort(api: Api, proxies: int) -> dict[str, float]:
    """Milliseconds of the end of one rollout."""
    body = {"service": "bench/s1", "stable": "v1", "canary": "v2", "strategy": "manual"}
    body |= {"steps": [{"set_weight": 20}, {"pause": {}}, {"set_weight": 100}], "safety": {"warm": "1s"}}
    path = f"rollouts/{api('POST', 'rollouts/', body)['id']}/"
    wait(lambda: api("GET", path)["state"] == "paused", "the rollout")
    begun = time.perf_counter()
    revision = api("POST", f"{path}abort/", {"reason": "benchmark"})["revision"]
    found = _settled(api, proxies, revision, (time.perf_counter() - begun) * 1000)
    wait(lambda: api("GET", path)["state"] == "rolled_back", "the rollback")
    return found


def _settled(api: Api, proxies: int, revision: int, answer: float) -> dict[str, float]:
    deadline = time.monotonic() + DEADLINE_S
    while (shown := api("GET", f"revisions/{revision}/"))["applied_at"] is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not applied within {DEADLINE_S:g} s: {shown['proxies']}")
        time.sleep(POLL_S)
    # Nobody was taken for offline, and nobody answered after the revision counted as applied.
    applied = datetime.fromisoformat(shown["applied_at"])
    answered = [datetime.fromisoformat(answer["at"]) for answer in shown["detail"]]
    if shown["proxies"]["acked"] != proxies or max(answered) > applied:
        raise RuntimeError(f"not everyone answered: {shown['proxies']}")
    committed = datetime.fromisoformat(shown["committed_at"])
    published = datetime.fromisoformat(shown["published_at"])
    return {
        "answer": answer,
        "published": (published - committed).total_seconds() * 1000,
        "taken": (max(answered) - committed).total_seconds() * 1000,
        "last": (applied - committed).total_seconds() * 1000,
    }


if __name__ == "__main__":
    sys.exit(main())
