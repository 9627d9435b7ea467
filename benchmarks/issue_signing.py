"""Signs certificates one after the other on one core, for ``benchmarks.issue``: prints figures as JSON.

Runs as a process of its own, because Django reads its settings once. First the request is proven
and signed alone; then recorded in PostgreSQL as well, each in a transaction of its own; then all that a renewal does:
verify the current certificate and its signature, take a turn, and that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django

django.setup()

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402

from benchmarks.control_plane import make_csr  # noqa: E402
from benchmarks.issue_herd import Proxy  # noqa: E402
from meshui.core.actors import system  # noqa: E402
from meshui.delivery import joining  # noqa: E402
from meshui.security import pki  # noqa: E402
from meshui.security.csr import proven_key  # noqa: E402
from meshui.security.services import sign_csr  # noqa: E402

ALONE = 500
IDENTITY = "spiffe://mesh.local/ns/bench/svc/s0"


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    proxies = [Proxy.read(line) for line in json.loads(input())]
    renewals = [proxy.renewal() for proxy in proxies]
    signer = pki.make_intermediate(
        pki.make_root("mesh.local", datetime.now(UTC)), "mesh.local", datetime.now(UTC), timedelta(days=1)
    )
    requests = [make_csr(ec.generate_private_key(ec.SECP256R1())) for _ in range(ALONE)]

    def alone(number: int) -> None:
        now = datetime.now(UTC)
        key = proven_key(requests[number])
        pki.pem(pki.make_leaf(signer, key, IDENTITY, ["s0.bench.mesh"], now, timedelta(days=1)))

    def recorded(number: int) -> None:
        with transaction.atomic():
            sign_csr(
                csr_pem=requests[number],
                identity=IDENTITY,
                dns_names=["s0.bench.mesh"],
                proxy_id=f"px-{number}",
                actor=system("benchmark"),
            )

    assert settings.MESHUI.csr_rate >= 1000, "the pace is not what is measured"
    print(
        json.dumps(
            [
                {"case": "prove and sign", **_rates(alone, ALONE)},
                {"case": "and recorded", **_rates(recorded, ALONE)},
                {"case": "a whole renewal", **_rates(lambda n: joining.renew(renewals[n]), len(renewals))},
            ]
        )
    )


def _rates(act: Callable[[int], object], count: int) -> dict[str, int]:
    """How many a second by the clock, and how many a second of this process's CPU time."""
    act(0)
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(1, count):
        act(number)
    return {
        "per_s": round((count - 1) / (time.perf_counter() - wall)),
        "per_cpu_s": round((count - 1) / (time.process_time() - cpu)),
    }


if __name__ == "__main__":
    main()
