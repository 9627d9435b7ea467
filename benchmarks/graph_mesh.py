"""Fills an empty database and stream for ``benchmarks.graph``: ``python -m benchmarks.graph_mesh SERVICES EDGES``.

Prints a token of an administrator. Runs as a process of its own, because Django reads its settings once.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import timedelta

import django
import redis

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.collector import make_edge, make_registry  # noqa: E402
from benchmarks.graph import HISTORY_S, VARIETY, targets_of  # noqa: E402
from meshui.accounts.authentication import digest  # noqa: E402
from meshui.accounts.models import ApiToken, User  # noqa: E402
from meshui.catalog.models import Instance, Namespace, Proxy, Service, Version  # noqa: E402
from meshui.telemetry.collector import LATENESS_MS  # noqa: E402
from meshui.telemetry.fold import Fold  # noqa: E402
from meshui.telemetry.frames import SPAN_S, Frame, entry, total  # noqa: E402
from meshui.telemetry.streams import BLOCKS  # noqa: E402
from proxies.wire import keys  # noqa: E402
from proxies.wire.reports import Telemetry  # noqa: E402

TOKEN = "mui_benchmark"


def main() -> None:
    services, edges = int(sys.argv[1]), int(sys.argv[2])
    call_command("migrate", verbosity=0)
    fill_registry(services)
    fill_stream(services, edges)
    user = User.objects.create_superuser("bench", password="benchmark of the graph")
    ApiToken.objects.create(
        user=user, name="bench", digest=digest(TOKEN), expires_at=timezone.now() + timedelta(hours=1)
    )
    print(TOKEN)


def fill_registry(services: int) -> None:
    namespaces = Namespace.objects.bulk_create(Namespace(name=f"ns{number}") for number in range(10))
    rows = Service.objects.bulk_create(
        Service(namespace=namespaces[number % 10], name=f"service-{number}") for number in range(services)
    )
    versions = Version.objects.bulk_create(Version(service=row, name="v1", weight=100) for row in rows)
    proxies = Proxy.objects.bulk_create(
        Proxy(id=f"proxy-{number}", name="v1", service=row, version=versions[number], redis_password_sha256="0" * 64)
        for number, row in enumerate(rows)
    )
    Instance.objects.bulk_create(
        Instance(
            id=proxy.id, service=row, version=versions[number], proxy=proxy, address="127.0.0.1", port=1024 + number
        )
        for number, (proxy, row) in enumerate(zip(proxies, rows, strict=True))
    )


def fill_stream(services: int, edges: int) -> None:
    registry = make_registry(services)
    rng = random.Random(11)
    targets = targets_of(services, edges)
    seconds: list[Frame] = []
    for second in range(VARIETY):
        fold = Fold()
        for number, (proxy, identity) in enumerate(registry.proxies.items()):
            own = [make_edge(rng, target) for target in targets[number]]
            fold.add(Telemetry(proxy=proxy, boot=0, seq=second, at=0.0, edges=own), identity, registry)
        seconds.append(fold.frame(0.0))
    client = redis.Redis.from_url(settings.MESHUI.redis_url)
    end = int(time.time())
    for second in range(end - HISTORY_S, end):
        frame = seconds[second % VARIETY]
        at = Frame(float(second), frame.keys, frame.counts, frame.histograms, frame.flags)
        client.xadd(keys.FRAMES, entry(at), id=f"{second * 1000 + LATENESS_MS}-0")
        if second % SPAN_S == 0:
            span = [seconds[each % VARIETY] for each in range(second - SPAN_S + 1, second + 1)]
            client.xadd(BLOCKS, entry(total(float(second), span)), id=f"{second * 1000}-0")


if __name__ == "__main__":
    main()
