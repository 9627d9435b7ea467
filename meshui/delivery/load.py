"""From rows to mesh values: what is dirty, and only that, in a fixed number of queries.

Knows the tables of the registry, of traffic and of security; knows nothing of wire bytes or Redis. A row that is no
valid value is reported by name and spoils no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import msgspec
from django.db.models import Prefetch, Q, QuerySet

from meshui.catalog.models import CALLED, Instance, Proxy, Service
from meshui.core.models import Mesh
from meshui.mesh import values
from meshui.mesh.names import ServiceName
from meshui.security.services import trust_bundle
from meshui.traffic.models import GatewayHost
from meshui.traffic.selectors import limits_of, overlay_of, resilience_of, routes_of, split_of
from proxies.wire.resources import Listener

Key = tuple[str, str]
"""Kind and name of a wire resource."""

PER_SERVICE = frozenset({"service", "endpoints", "inbound"})
NEEDS_NAMES = frozenset({"directory", "proxy"})
"""A proxy's gateway hosts are checked against the names."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The values behind the dirty resources; what is not there does not exist any more. ``faults`` maps a key to why
    its rows are no value."""

    trust_domain: str
    bundle: tuple[str, ...] = ()
    names: tuple[ServiceName, ...] = ()
    services: dict[str, values.Service] = field(default_factory=dict)
    proxies: dict[str, values.Proxy] = field(default_factory=dict)
    faults: dict[Key, str] = field(default_factory=dict)


def load(mesh: Mesh, dirty: Collection[Key]) -> Loaded:
    """The values of the dirty resources. Runs in the caller's transaction, which makes it one snapshot."""
    kinds = {kind for kind, _ in dirty}
    loaded = Loaded(
        trust_domain=mesh.trust_domain,
        bundle=tuple(trust_bundle()) if "trust" in kinds else (),
        names=_names() if kinds & NEEDS_NAMES else (),
    )
    wanted = {name for kind, name in dirty if kind in PER_SERVICE}
    if wanted:
        _load_services(loaded, wanted, instances="endpoints" in kinds)
    proxies = {name for kind, name in dirty if kind == "proxy"}
    if proxies:
        _load_proxies(loaded, proxies)
    return loaded


def every_key() -> Iterator[Key]:
    """All resources that the mesh has now."""
    if trust_bundle():
        yield "trust", ""
    yield "directory", ""
    for name in map(str, _names()):
        yield from ((kind, name) for kind in sorted(PER_SERVICE))
    for proxy_id in Proxy.objects.values_list("pk", flat=True):
        yield "proxy", proxy_id


def _callable_services() -> QuerySet[Service]:
    """A gateway is no resource: nobody calls it."""
    return Service.objects.filter(kind__in=CALLED)


def _names() -> tuple[ServiceName, ...]:
    rows = _callable_services().values_list("namespace__name", "name")
    return tuple(ServiceName(namespace, name) for namespace, name in rows)


def _load_services(loaded: Loaded, names: Collection[str], *, instances: bool) -> None:
    rows = _callable_services().filter(_named(names)).select_related("namespace", "rules").prefetch_related("versions")
    if instances:
        rows = rows.prefetch_related(Prefetch("instances", queryset=Instance.objects.order_by("id")))
    for row in rows:
        name = str(row.full_name)
        try:
            loaded.services[name] = _service(row, loaded.trust_domain, instances=instances)
        except msgspec.ValidationError as error:
            loaded.faults.update({(kind, name): f"stored rules are invalid: {error}" for kind in PER_SERVICE})


def _named(names: Collection[str]) -> Q:
    by_namespace: dict[str, list[str]] = defaultdict(list)
    for full in names:
        namespace, _, name = full.partition("/")
        by_namespace[namespace].append(name)
    condition = Q()
    for namespace, short in by_namespace.items():
        condition |= Q(namespace__name=namespace, name__in=short)
    return condition


def _service(row: Service, trust_domain: str, *, instances: bool) -> values.Service:
    versions = {version.pk: version.name for version in row.versions.all()}
    return values.Service(
        name=row.full_name,
        trust_domain=trust_domain,
        protocol=row.protocol,
        port=row.port or 0,
        versions=tuple(versions.values()),
        split=split_of(row),
        routes=routes_of(row),
        overlay=overlay_of(row),
        resilience=resilience_of(row),
        limits=limits_of(row),
        instances=tuple(_instance(i, versions[i.version_id]) for i in row.instances.all()) if instances else (),
    )


def _instance(row: Instance, version: str) -> values.Instance:
    return values.Instance(
        id=row.pk,
        address=row.address,
        port=row.port,
        version=version,
        tls=row.proxy_id is not None,
        healthy=row.status == Instance.Status.PASSING,
        draining=row.draining,
    )


def _load_proxies(loaded: Loaded, ids: Collection[str]) -> None:
    hosts = GatewayHost.objects.select_related("service__namespace")
    rows = Proxy.objects.filter(pk__in=ids).select_related("service__namespace", "version")
    for row in rows.prefetch_related(Prefetch("service__hosts", queryset=hosts)):
        try:
            loaded.proxies[row.pk] = _proxy(row, loaded.trust_domain)
        except msgspec.ValidationError as error:
            loaded.faults[("proxy", row.pk)] = f"stored listeners are invalid: {error}"


def _proxy(row: Proxy, trust_domain: str) -> values.Proxy:
    return values.Proxy(
        id=row.pk,
        service=row.service.full_name,
        trust_domain=trust_domain,
        protocol=row.service.protocol,
        version=row.version.name,
        listeners=msgspec.convert(row.listeners, tuple[Listener, ...]),
        hosts=tuple(
            values.GatewayHost(host=host.host, service=host.service.full_name) for host in row.service.hosts.all()
        ),
    )
