"""A small registry, and what its proxies would report."""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.conf import settings
from redis import Redis

from meshui.catalog.models import Instance, Namespace, Proxy, Service, Version
from proxies.wire import histogram, keys
from proxies.wire.reports import EdgeDelta, Gauges, Responses, Telemetry, entry, proxy_key

SERVICES = {
    "platform/gateway": ("v1",),
    "shop/frontend": ("v1",),
    "shop/catalog": ("v1", "v2"),
    "platform/users": ("v1",),
}


def register(services: dict[str, tuple[str, ...]] = SERVICES) -> None:
    """Rows of services, versions, and one proxy with its instance for each version: ``proxy-shop-catalog-v1``."""
    for name, versions in services.items():
        namespace, _, short = name.partition("/")
        row = Service.objects.create(
            namespace=Namespace.objects.get_or_create(name=namespace)[0],
            name=short,
            kind="gateway" if short == "gateway" else "http",
        )
        for number, version in enumerate(versions):
            made = Version.objects.create(service=row, name=version, weight=100 if number == 0 else 0)
            proxy = Proxy.objects.create(
                id=proxy_of(name, version),
                name=version,
                service=row,
                version=made,
                admin=f"127.0.0.1:{29000 + number}",
                redis_password_sha256="0" * 64,
            )
            Instance.objects.create(
                id=proxy.id, service=row, version=made, proxy=proxy, address="127.0.0.1", port=20000 + number
            )


def proxy_of(service: str, version: str = "v1") -> str:
    return f"proxy-{service.replace('/', '-')}-{version}"


def buckets(*milliseconds: float) -> list[int]:
    """The sparse histogram of some durations."""
    counted: dict[int, int] = {}
    for duration in milliseconds:
        bucket = histogram.bucket(int(duration * 1000))
        counted[bucket] = counted.get(bucket, 0) + 1
    return [number for pair in sorted(counted.items()) for number in pair]


def call(
    target: str,
    version: str = "v1",
    *,
    codes: dict[int, int] | None = None,
    flags: str = "",
    ms: Iterable[float] = (),
    reporter: str = "source",
    source: str = "",
    secured: bool = True,
) -> EdgeDelta:
    """What a proxy counted of one edge. Responses by code; as many durations as ``ms`` names."""
    return EdgeDelta(
        reporter=reporter,  # type: ignore[arg-type]
        source_service=source,
        source_version="",
        destination_service=target,
        destination_version=version,
        route="default",
        protocol="http",
        secured=secured,
        responses=[Responses(code, flags if code >= 500 or code == 0 else "", n) for code, n in (codes or {}).items()],
        request_bytes=100,
        response_bytes=1000,
        histogram=buckets(*ms),
    )


class Reporter:
    """A proxy's side of the telemetry stream."""

    def __init__(self, redis: Redis, proxy: str, *, boot: int = 1, key: bytes | None = None) -> None:
        self.redis = redis
        self.proxy = proxy
        self.boot = boot
        self.key = key or proxy_key(settings.MESHUI.report_key, proxy)
        self.seq = 0

    def report(self, *edges: EdgeDelta, dropped: int = 0, gauges: Gauges | None = None) -> Telemetry:
        self.seq += 1
        return Telemetry(
            proxy=self.proxy,
            boot=self.boot,
            seq=self.seq,
            at=time.time(),
            edges=list(edges),
            gauges=gauges or Gauges(),
            dropped=dropped,
        )

    def send(self, *edges: EdgeDelta, dropped: int = 0, gauges: Gauges | None = None) -> None:
        self.add(self.report(*edges, dropped=dropped, gauges=gauges))

    def add(self, report: Telemetry) -> None:
        self.redis.xadd(keys.telemetry(self.proxy), entry(self.key, report))
