"""From nothing to a running mesh: how long a fresh clone takes, a second start, and what the processes hold.

    python -m benchmarks.cold [--json OUT] [--keep-caches]

Clones this repository into a temporary folder, with empty caches of packages unless they are to be kept, and runs
`make demo` there on ports of its own until it says it is ready; stops it; starts it again. Memory is measured in the
second run: RSS, and PSS, which counts a page that n processes share as one n-th.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.support import free_port, report

ROOT = Path(__file__).resolve().parent.parent
FIRST_DEADLINE_S, SECOND_DEADLINE_S, STOP_DEADLINE_S = 900, 120, 60
SETTLE_S = 10
"""What is measured after the second start is not its start."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep-caches", action="store_true", help="use this user's caches of packages")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="meshui-cold-") as folder:
        clone = Path(folder) / "meshui"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        env = _environment(Path(folder), options.keep_caches)
        with _demo(clone, env, FIRST_DEADLINE_S) as (_, seconds):
            rows.append({"case": "fresh clone", "system": "meshui", "ready_s": round(seconds, 1)})
            print(f"fresh clone    ready after {seconds:6.1f} s", flush=True)
        with _demo(clone, env, SECOND_DEADLINE_S) as (demo, seconds):
            rows.append({"case": "second start", "system": "meshui", "ready_s": round(seconds, 1)})
            print(f"second start   ready after {seconds:6.1f} s", flush=True)
            time.sleep(SETTLE_S)
            rows += _memory(demo)
    for row in rows[2:]:
        print(f"{row['case']:<14} {row['processes']:>3} processes {row['pss_mb']:>7} MB PSS {row['rss_mb']:>7} MB RSS")
    report("cold", rows, options.json)
    return 0


def _environment(folder: Path, keep_caches: bool) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MESHUI_")}
    for name in ("DATABASE_URL", "REDIS_URL", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL"):
        inherited.pop(name, None)
    caches = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip", "npm_config_cache": "npm"}
    return {
        **inherited,
        **({} if keep_caches else {variable: str(folder / "caches" / name) for variable, name in caches.items()}),
        "MESHUI_PORT": str(free_port()),
        "MESHUI_GATEWAY_PORT": str(free_port()),
    }


@contextmanager
def _demo(clone: Path, env: dict[str, str], deadline_s: float) -> Iterator[tuple[psutil.Process, float]]:
    """Run `make demo` until it is ready; gives it and the seconds that took. Raises RuntimeError with its output."""
    began = time.monotonic()
    child = subprocess.Popen(
        ["make", "demo"], cwd=clone, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    watchdog = threading.Timer(deadline_s, child.terminate)
    watchdog.start()
    assert child.stdout is not None
    output = []
    try:
        for line in child.stdout:
            output.append(line)
            if line.startswith("meshui ready:"):
                break
        else:
            raise RuntimeError(f"make demo did not get ready within {deadline_s:g} s:\n{''.join(output)}")
        watchdog.cancel()
        # What it prints later must not fill the pipe.
        threading.Thread(target=child.stdout.read, daemon=True).start()
        yield psutil.Process(child.pid), time.monotonic() - began
    finally:
        watchdog.cancel()
        _stop(child)


def _stop(child: subprocess.Popen[str]) -> None:
    family = psutil.Process(child.pid).children(recursive=True) if child.poll() is None else []
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        child.kill()
    if left := [process for process in psutil.wait_procs(family, 5)[1] if process.is_running()]:
        raise RuntimeError(f"stopping left processes behind: {left}")


def _memory(demo: psutil.Process) -> list[dict[str, object]]:
    kinds: dict[str, list[psutil.Process]] = {"control plane": [], "sidecar": [], "demo service": []}
    for process in [demo, *demo.children(recursive=True)]:
        command = " ".join(process.cmdline())
        if "-m proxies" in command:
            kinds["sidecar"].append(process)
        elif "meshui.demo." in command:
            kinds["demo service"].append(process)
        else:
            kinds["control plane"].append(process)
    rows: list[dict[str, object]] = []
    for kind, processes in kinds.items():
        infos = [process.memory_full_info() for process in processes]
        rss, pss = (sum(getattr(info, what) for info in infos) / 2**20 for what in ("rss", "pss"))
        each = 1 if kind == "control plane" else max(len(infos), 1)
        rows.append(
            {"case": kind, "system": "meshui", "processes": len(infos),
             "rss_mb": round(rss / each, 1), "pss_mb": round(pss / each, 1)}
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    sys.exit(main())
