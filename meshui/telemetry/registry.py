"""What telemetry needs to know of the registry: who a proxy is, and which services and instances there are.

Reads the database with a fixed number of queries, whatever the size of the mesh. ``cached`` keeps one answer per
process for two seconds, and an old one while the database is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import Error as DatabaseError
from django.db.models import Count, Q

from meshui.catalog.models import Instance, Proxy, Service, Version
from meshui.telemetry.fold import Identity, Registry

log = logging.getLogger(__name__)

T = TypeVar("T")


RoutesByService = Callable[[], Mapping[str, frozenset[str]]]
"""Reads the names of every service's routes; those who own routes say how."""


def no_routes() -> Mapping[str, frozenset[str]]:
    """Where routes are not told apart."""
    return {}


def load_registry(routes: RoutesByService = no_routes) -> Registry:
    """Proxies and versions by service, for the fold. Two queries, and those of ``routes``."""
    proxies = Proxy.objects.values_list("id", "service__namespace__name", "service__name", "version__name")
    services: dict[str, set[str]] = {}
    rows = Service.objects.values_list("namespace__name", "name", "versions__name")
    for namespace, name, version in rows:
        services.setdefault(f"{namespace}/{name}", set()).add(version or "")
    return Registry(
        proxies={proxy: Identity(f"{namespace}/{service}", version) for proxy, namespace, service, version in proxies},
        services={service: frozenset(versions) for service, versions in services.items()},
        routes=routes(),
    )


@dataclass(frozen=True, slots=True)
class VersionState:
    instances: int = 0
    healthy: int = 0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as the graph shows it. ``weights`` is its split; ``latency`` what it promises: percent of requests
    within milliseconds."""

    gateway: bool = False
    versions: dict[str, VersionState] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    latency: tuple[float, int] | None = None

    @property
    def instances(self) -> int:
        return sum(version.instances for version in self.versions.values())

    @property
    def healthy(self) -> int:
        return sum(version.healthy for version in self.versions.values())


Services = dict[str, ServiceState]


def load_services() -> Services:
    """Every service by full name, with its versions, their instances and what it promises. Two queries."""
    rows = Service.objects.order_by("namespace__name", "name").values_list(
        "namespace__name", "name", "kind", "objective__latency_percent", "objective__latency_ms"
    )
    services: Services = {
        f"{namespace}/{name}": ServiceState(
            kind == Service.Kind.GATEWAY, latency=None if percent is None or slow_ms is None else (percent, slow_ms)
        )
        for namespace, name, kind, percent, slow_ms in rows
    }
    passing = Q(instances__status=Instance.Status.PASSING, instances__draining=False)
    versions = Version.objects.annotate(total=Count("instances"), healthy=Count("instances", filter=passing))
    for namespace, service, name, weight, total, healthy in versions.values_list(
        "service__namespace__name", "service__name", "name", "weight", "total", "healthy"
    ):
        state = services.get(f"{namespace}/{service}")
        if state is not None:
            state.versions[name] = VersionState(total, healthy)
            state.weights[name] = weight
    return services


Instances = dict[str, dict[str, bool]]
"""By ``namespace/service@version`` and id, whether each instance is well: passing, and not draining."""


def load_instances() -> Instances:
    """Every instance, and every proxy of a gateway. Two queries."""
    instances: Instances = {}
    rows = Instance.objects.values_list(
        "service__namespace__name", "service__name", "version__name", "pk", "status", "draining"
    )
    for namespace, service, version, pk, status, draining in rows:
        well = status == Instance.Status.PASSING and not draining
        instances.setdefault(f"{namespace}/{service}@{version}", {})[pk] = well
    gateways = Proxy.objects.filter(service__kind=Service.Kind.GATEWAY)
    for namespace, service, version, pk in gateways.values_list(
        "service__namespace__name", "service__name", "version__name", "pk"
    ):
        instances.setdefault(f"{namespace}/{service}@{version}", {})[pk] = True
    return instances


class Cached(Generic[T]):
    """One value per process, read again when older than ``ttl_s``. Threads that come meanwhile get the old one."""

    def __init__(self, load: Callable[[], T], ttl_s: float = 2.0) -> None:
        self._load = load
        self._ttl_s = ttl_s
        self._lock = threading.Lock()
        self._value: T | None = None
        self._until = 0.0

    def get(self) -> T:
        """Raises DatabaseError only where there never was a value."""
        if self._value is not None and (time.monotonic() < self._until or not self._lock.acquire(blocking=False)):
            return self._value
        if self._value is None:
            self._lock.acquire()
        try:
            if self._value is None or time.monotonic() >= self._until:
                self._value = self._load()
                self._until = time.monotonic() + self._ttl_s
        except DatabaseError as error:
            if self._value is None:
                raise
            self._until = time.monotonic() + self._ttl_s
            log.warning("the registry is unreachable, its last state serves: %s", error)
        finally:
            self._lock.release()
        return self._value

    def clear(self) -> None:
        """Forget the value, so that the next read is fresh."""
        self._until = 0.0


services = Cached(load_services)
instances = Cached(load_instances)


def service_state(service: str) -> ServiceState | None:
    """One service by full name; a name not known yet is looked up anew, for it may be a second old."""
    known = services.get().get(service)
    if known is None:
        services.clear()
        known = services.get().get(service)
    return known
