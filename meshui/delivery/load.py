"""From rows to mesh values: what is dirty, and only that, in a fixed number of queries.

Knows the tables of the registry, of traffic and of security; knows nothing of wire bytes or Redis. A row that is no
valid value is reported by name and spoils no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import msgspec
from django.db.models import Prefetch, Q

from meshui.catalog.models import CALLED, Instance, Proxy, Service
from meshui.core.models import Mesh
from meshui.logs.settings import logging_get
from meshui.mesh import values
from meshui.mesh.logging import AccessLog
from meshui.mesh.names import ServiceName
from meshui.mesh.policies import Access
from meshui.mesh.tracing import Tracing
from meshui.security.access import policies_of, policy_value, receives
from meshui.security.providers import known_providers, providers_for
from meshui.security.selectors import denied_identities, ordered_renewals, revoked_serials
from meshui.security.services import trust_bundle
from meshui.traces.settings import tracing_get
from meshui.traffic.models import GatewayHost
from meshui.traffic.selectors import limits_of, overlay_of, resilience_of, routes_of, split_of
from proxies.wire.resources import Listener

Key = tuple[str, str]
"""Kind and name of a wire resource."""

PER_SERVICE = frozenset({"service", "endpoints", "inbound"})
NEEDS_ACCESS = frozenset({"endpoints", "inbound"})
NEEDS_NAMES = frozenset({"directory", "proxy"})
"""A proxy's gateway hosts are checked against the names."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The values behind the dirty resources; what is not there does not exist any more. ``faults`` maps a key to why
    its rows are no value."""

    trust_domain: str
    bundle: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    """Identities."""
    revoked: tuple[str, ...] = ()
    """Serials of certificates."""
    tracing: Tracing | None = None
    logging: AccessLog | None = None
    names: tuple[ServiceName, ...] = ()
    services: dict[str, values.Service] = field(default_factory=dict)
    access: dict[str, Access] = field(default_factory=dict)
    """Of services and gateways."""
    proxies: dict[str, values.Proxy] = field(default_factory=dict)
    faults: dict[Key, str] = field(default_factory=dict)


def load(mesh: Mesh, dirty: Collection[Key]) -> Loaded:
    """The values of the dirty resources. Runs in the caller's transaction, which makes it one snapshot."""
    kinds = {kind for kind, _ in dirty}
    trust = "trust" in kinds
    loaded = Loaded(
        trust_domain=mesh.trust_domain,
        bundle=tuple(trust_bundle()) if trust else (),
        denied=tuple(denied_identities()) if trust else (),
        revoked=tuple(revoked_serials()) if trust else (),
        tracing=tracing_get() if trust else None,
        logging=logging_get() if trust else None,
        names=_names() if kinds & NEEDS_NAMES else (),
    )
    wanted = {name for kind, name in dirty if kind in PER_SERVICE}
    if wanted:
        rows = _rows(wanted, instances="endpoints" in kinds)
        if kinds & NEEDS_ACCESS:
            _load_access(loaded, rows)
        _load_services(loaded, rows, instances="endpoints" in kinds)
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
    gateways = Service.objects.filter(kind=Service.Kind.GATEWAY).select_related("namespace")
    yield from (("inbound", str(gateway)) for gateway in gateways)
    for proxy_id in Proxy.objects.values_list("pk", flat=True):
        yield "proxy", proxy_id


def _names() -> tuple[ServiceName, ...]:
    rows = Service.objects.filter(kind__in=CALLED).values_list("namespace__name", "name")
    return tuple(ServiceName(namespace, name) for namespace, name in rows)


def _rows(names: Collection[str], *, instances: bool) -> list[Service]:
    rows = Service.objects.filter(_named(names)).select_related("namespace", "rules").prefetch_related("versions")
    if instances:
        rows = rows.prefetch_related(Prefetch("instances", queryset=Instance.objects.order_by("id")))
    return list(rows)


def _load_access(loaded: Loaded, rows: Collection[Service]) -> None:
    how, policies, known = receives(rows), policies_of(rows), known_providers()
    for name in how:
        tokens = how[name].tokens
        try:
            decided = [policy_value(policy) for policy in policies[name]]
            loaded.access[name] = Access(
                mtls=how[name].mtls,
                default_action=how[name].default_action,
                policies=tuple(decided),
                tokens=tokens,
                providers=tuple(providers_for(decided, tokens, known)),
            )
        except msgspec.ValidationError as error:
            loaded.faults["inbound", name] = f"stored policies are invalid: {error}"
        except LookupError as error:
            loaded.faults["inbound", name] = f"there is no token provider {error}"


def _load_services(loaded: Loaded, rows: Collection[Service], *, instances: bool) -> None:
    """Of a gateway there is nothing but how it receives: nobody calls it."""
    for row in rows:
        if row.kind not in CALLED:
            continue
        name = str(row.full_name)
        try:
            loaded.services[name] = _service(row, loaded, instances=instances)
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


def _service(row: Service, loaded: Loaded, *, instances: bool) -> values.Service:
    versions = {version.pk: version.name for version in row.versions.all()}
    return values.Service(
        name=row.full_name,
        trust_domain=loaded.trust_domain,
        protocol=row.protocol,
        port=row.port or 0,
        versions=tuple(versions.values()),
        split=split_of(row),
        routes=routes_of(row),
        overlay=overlay_of(row),
        resilience=resilience_of(row),
        limits=limits_of(row),
        secured=loaded.access.get(str(row), Access()).mtls != "disable",
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
        weight=row.weight,
        locality=row.locality,
    )


def _load_proxies(loaded: Loaded, ids: Collection[str]) -> None:
    hosts = GatewayHost.objects.select_related("service__namespace")
    rows = Proxy.objects.filter(pk__in=ids).select_related("service__namespace", "version")
    renewals = ordered_renewals(ids)
    for row in rows.prefetch_related(Prefetch("service__hosts", queryset=hosts)):
        try:
            loaded.proxies[row.pk] = _proxy(row, loaded.trust_domain, renewals.get(row.pk, ""))
        except msgspec.ValidationError as error:
            loaded.faults[("proxy", row.pk)] = f"stored listeners are invalid: {error}"


def _proxy(row: Proxy, trust_domain: str, renew: str) -> values.Proxy:
    return values.Proxy(
        id=row.pk,
        service=row.service.full_name,
        trust_domain=trust_domain,
        protocol=row.service.protocol,
        version=row.version.name,
        renew=renew,
        locality=row.locality,
        listeners=msgspec.convert(row.listeners, tuple[Listener, ...]),
        hosts=tuple(
            values.GatewayHost(host=host.host, service=host.service.full_name) for host in row.service.hosts.all()
        ),
    )
