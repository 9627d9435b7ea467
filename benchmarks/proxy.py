"""What a proxy costs: CPU time a request, throughput, latency and memory, against Envoy, nginx and HAProxy.

    python -m benchmarks.proxy [--json OUT] [--seconds 2] [--case TEXT] [--quick]

Every system runs with one worker on one core and equal features where it has them: a 90/10 split between two
versions, counters, a request id; meshui also writes Via and traceparent. The load (wrk) and the upstream (nginx) run
on other cores. In ``mtls`` cases a request passes two proxies, the caller's (plain in, mTLS out) and the callee's
(mTLS in, plain out); the figures are of both together, and the memory is one proxy's. In ``new`` cases each request
comes on a connection of its own. Systems that are not installed are left out.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import peers
from benchmarks.support import Process, free_port, load_average, machine, report, wait_for_port


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    connections: int
    mtls: bool = False
    new: bool = False


CASES = (
    Case("plain 64B c64", "/64", 64),
    Case("plain 64B c1", "/64", 1),
    Case("plain 64B c512", "/64", 512),
    Case("plain 1KB c64", "/1024", 64),
    Case("plain 100KB c64", "/102400", 64),
    Case("plain 64B c64 new", "/64", 64, new=True),
    Case("mtls 64B c64", "/64", 64, mtls=True),
    Case("mtls 1KB c16", "/1024", 16, mtls=True),
    Case("mtls 100KB c64", "/102400", 64, mtls=True),
)
ROUNDS = 3
PROXY_CORE, LOAD_CORE, UPSTREAM_CORE = "1", "2", "3"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--seconds", type=int, default=2, help="length of one round")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="one round of one second: figures to look at, not to keep")
    options = parser.parse_args()
    missing = [tool for tool in ("wrk", "nginx", "taskset") if not peers.find(tool)]
    if missing:
        print(f"not installed: {', '.join(missing)} (apt install wrk nginx util-linux)", file=sys.stderr)
        return 2
    rounds, seconds = (1, 1) if options.quick else (ROUNDS, options.seconds)
    print(f"{machine()}; load average {load_average()}", flush=True)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="meshui-bench-") as folder, ExitStack() as stack:
        upstream = free_port()
        stack.enter_context(start_upstream(Path(folder), upstream))
        for case in (case for case in CASES if options.case in case.name):
            for row in measure(case, Path(folder), upstream, rounds, seconds):
                rows.append(row)
                print(_line(row), flush=True)
            _print_ratio(case, rows)
    print(f"load average {load_average()}", flush=True)
    report("proxy", rows, options.json)
    return 0


def measure(case: Case, folder: Path, upstream: int, count: int, seconds: int) -> list[dict[str, object]]:
    """All systems under one load, in turns, so that whatever else the machine does meets all of them. Of each the
    round with the median CPU cost counts."""
    with ExitStack() as stack:
        running = []
        for system in peers.SYSTEMS:
            start = system.mtls if case.mtls else system.plain
            if start is not None and system.installed():
                place = Path(tempfile.mkdtemp(dir=folder))
                running.append((system.name, *stack.enter_context(start_all(start(place, upstream)))))
        rounds: dict[str, list[dict[str, object]]] = {name: [] for name, _, _ in running}
        for number in range(count + 1):
            for name, processes, port in running:
                url = f"http://127.0.0.1:{port}{case.path}"
                figures = _round(name, case, processes, url, seconds if number else 1)
                if number:  # the first round warms up
                    rounds[name].append(figures)
    return [
        sorted(found, key=lambda row: float(str(row["cpu_us_per_request"])))[count // 2] for found in rounds.values()
    ]


def _round(name: str, case: Case, processes: list[Process], url: str, seconds: int) -> dict[str, object]:
    before = sum(process.cpu_seconds() for process in processes)
    result = _wrk(url, case, seconds)
    used = sum(process.cpu_seconds() for process in processes) - before
    if result["errors"]:
        raise SystemExit(f"{name}, {case.name}: {result['errors']:g} failed requests; figures mean nothing")
    return {
        "case": case.name,
        "system": name,
        "cpu_us_per_request": round(used / result["requests"] * 1e6, 1),
        "rps": round(result["requests"] / seconds),
        "p50_ms": round(result["p50"], 2),
        "p99_ms": round(result["p99"], 2),
        "rss_mb": round(statistics.mean(process.rss_mb() for process in processes), 1),
    }


@contextmanager
def start_all(plan: peers.Plan) -> Iterator[tuple[list[Process], int]]:
    """Run the plan's processes on the proxies' core; gives them and the port to ask."""
    with ExitStack() as stack:
        processes = [stack.enter_context(Process(["taskset", "-c", PROXY_CORE, *command])) for command in plan.commands]
        for port in plan.ports:
            wait_for_port(port)
        yield processes, plan.ports[0]


@contextmanager
def start_upstream(folder: Path, port: int) -> Iterator[None]:
    config = folder / "upstream.conf"
    bodies = {size: "x" * (size - 1) for size in (64, 1024)}
    (folder / "102400").write_bytes(b"x" * 102400)
    locations = "".join(f'location = /{size} {{ return 200 "{body}\\n"; }}\n' for size, body in bodies.items())
    config.write_text(peers.nginx_main(folder, f"listen 127.0.0.1:{port}; root {folder};\n{locations}"))
    with Process(["taskset", "-c", UPSTREAM_CORE, peers.find("nginx") or "", "-c", str(config)]):
        wait_for_port(port)
        yield


def _wrk(url: str, case: Case, seconds: int) -> dict[str, float]:
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{case.connections}", f"-d{seconds}s", "--latency", url]
    command += ["-H", "Connection: close"] if case.new else []
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    errors += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    return {
        "requests": float(re.findall(r"(\d+) requests in", text)[0]),
        "p50": _milliseconds(text, "50%"),
        "p99": _milliseconds(text, "99%"),
        "errors": errors,
    }


def _milliseconds(text: str, quantile: str) -> float:
    value, unit = re.findall(rf"{quantile}\s+([\d.]+)(us|ms|s)", text)[0]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def _line(row: dict[str, object]) -> str:
    return (
        f"{row['case']:<18} {row['system']:<8} {row['cpu_us_per_request']:>7} us CPU/request {row['rps']:>7} rps"
        f"  p50 {row['p50_ms']} ms  p99 {row['p99_ms']} ms  {row['rss_mb']} MB"
    )


def _print_ratio(case: Case, rows: list[dict[str, object]]) -> None:
    costs = {row["system"]: row["cpu_us_per_request"] for row in rows if row["case"] == case.name}
    if "meshui" in costs and "envoy" in costs:
        ratio = float(str(costs["envoy"])) / float(str(costs["meshui"]))
        print(f"{case.name:<18} requests per CPU second, meshui : envoy = {ratio:.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
