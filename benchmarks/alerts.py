"""What watching a large mesh costs: a look for alerts, the overview, and the small charts of every service.

    python -m benchmarks.alerts [--json OUT]

PostgreSQL and Valkey are real, with fifteen minutes of frames on the stream and rollups of a minute and of a day; every
tenth service promises an availability. Each figure is the median of several runs with what is remembered forgotten
before each; ``again`` is the overview while it is remembered. Peer: there is none; the budget is a look in a tenth of
the ten seconds between two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.graph import filled
from benchmarks.support import report

CASES = ((100, 500), (1000, 5000))
"""Services and edges."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{'case':<34}{'look':>9}{'edges':>9}{'budgets':>9}{'overview':>10}{'again':>9}{'charts':>9} ms")
    for services, edges in CASES:
        with tempfile.TemporaryDirectory(prefix="meshui-alerts-") as folder:
            rows.append(_measured(Path(folder), services, edges))
    report("alerts", rows, options.json)
    return 0


def _measured(folder: Path, services: int, edges: int) -> dict[str, object]:
    with filled(folder, services, edges) as mesh:
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.alerts_looks"],
            env={**os.environ, **mesh.environment},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    row = {"case": f"{services} services, {edges} edges", "system": "meshui", **json.loads(told.stdout)}
    print(
        "{case:<34}{look_ms:>9}{edges_ms:>9}{budgets_ms:>9}{overview_ms:>10}{again_ms:>9}{charts_ms:>9}".format(**row)
    )
    return row


if __name__ == "__main__":
    raise SystemExit(main())
