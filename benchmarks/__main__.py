"""``python -m benchmarks [NAME] [--json OUT]``: one benchmark by name, or all of them one after the other.

Each is a program of its own that prints its figures beside its peer's; with ``--json`` they are also written as
``{"name", "machine", "rows"}``, as a list of these where all were run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = (
    "proxy",
    "latency",
    "propagation",
    "graph",
    "collector",
    "alerts",
    "analysis",
    "authorize",
    "issue",
    "cold",
    "ui",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, help="which one (default: all)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    options = parser.parse_args()
    names = [options.name] if options.name else NAMES
    reports = []
    with tempfile.TemporaryDirectory(prefix="meshui-bench-") as folder:
        for name in names:
            print(f"== {name}", flush=True)
            out = Path(folder) / f"{name}.json"
            if status := subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--json", out]).returncode:
                return status
            reports.append(json.loads(out.read_text()))
    if options.json:
        options.json.write_text(json.dumps(reports[0] if options.name else reports, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
