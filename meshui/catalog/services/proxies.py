"""Proxies join and leave the registry. Their certificates, passwords and resources are other apps' business."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db.models import Q
from django.utils import timezone

from meshui.catalog.addresses import check_address
from meshui.catalog.models import Instance, Proxy, Service
from meshui.catalog.selectors import get_version, get_workload
from meshui.catalog.services.instances import DEFAULT_TTL_S
from meshui.catalog.services.verdicts import REGISTRY
from meshui.core.actors import Actor
from meshui.core.commits import Commit, commit
from meshui.core.errors import InvalidInput, NotFound
from proxies.wire.resources import InboundListener, Listener


@dataclass(frozen=True, slots=True)
class Registered:
    """``replaced`` are the proxies that the new one took the place of: same name, or same inbound address."""

    proxy: Proxy
    replaced: tuple[str, ...]
    revision: int


def proxy_register(
    *,
    actor: Actor,
    service: str,
    version: str,
    name: str,
    listeners: Sequence[Listener],
    redis_password_sha256: str,
    admin: str = "",
    node: bool = False,
    proxy_version: str = "",
    locality: str = "",
    weight: int = 100,
    certificate_not_after: datetime | None = None,
) -> Registered:
    """Register a proxy, and the instance behind its inbound listener.

    ``actor`` is the part of the system that has checked the join token: no permission is asked for. Raises NotFound,
    InvalidInput (the version, a listener).
    """
    inbound = _inbound(service, listeners)
    namespace = service.partition("/")[0]
    with commit(actor=actor, action="proxy.join", obj=f"service:{service}", namespace=namespace) as change:
        row = get_workload(service)
        replaced = _remove_former(change, row, name, inbound)
        proxy = Proxy.objects.create(
            id=f"px-{secrets.token_hex(8)}",
            name=name,
            service=row,
            version=get_version(row, version),
            listeners=msgspec.to_builtins(list(listeners)),
            admin=admin,
            node=node,
            locality=locality,
            redis_password_sha256=redis_password_sha256,
            proxy_version=proxy_version,
            certificate_not_after=certificate_not_after,
            last_seen_at=timezone.now(),
        )
        if inbound is not None:
            _insert_instance(change, proxy, inbound.address, inbound.port, weight)
        change.dirty("proxy", proxy.pk)
        change.summary = f"proxy {name} joined for {version}"
        change.after = {"proxy": proxy.pk, "name": name, "version": version, "replaced": replaced}
        revision = change.revision
    assert revision is not None
    return Registered(proxy, tuple(replaced), revision)


def proxy_evict(*, actor: Actor, proxy_id: str, reason: str = "", dry_run: bool = False) -> int | None:
    """Remove a proxy and the instance behind it; the revision. Raises PermissionDenied (security.write), NotFound."""
    proxy = Proxy.objects.select_related("service__namespace").filter(pk=proxy_id).first()
    if proxy is None:
        actor.require("security.write")
        raise NotFound(f"no proxy {proxy_id}")
    namespace = proxy.service.namespace.name
    actor.require_visible(namespace)
    actor.require("security.write", namespace)
    with commit(
        actor=actor,
        action="proxy.evict",
        obj=f"proxy:{proxy_id}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        change.summary = f"evicted proxy {proxy.name} of {proxy.service}"
        change.before = {"proxy": proxy_id, "name": proxy.name, "service": str(proxy.service)}
        _remove(change, [proxy])
    return change.revision


def instance_restore(proxy: Proxy) -> None:
    """Register the instance behind a proxy again, which reports after its instance was deregistered. Changes nothing
    where the proxy has no inbound listener, or another instance is in its place."""
    inbound = proxy.listener("inbound")
    if inbound is None:
        return
    service = str(proxy.service)
    with commit(
        actor=REGISTRY, action="instance.register", obj=f"service:{service}", namespace=proxy.service.namespace.name
    ) as change:
        address = {"address": inbound["address"], "port": inbound["port"]}
        taken = Q(pk=proxy.pk) | Q(service=proxy.service, **address)
        if Instance.objects.filter(taken).exists() or not Proxy.objects.filter(pk=proxy.pk).exists():
            change.unchanged()
            return
        _insert_instance(change, proxy, **address)
        change.summary = f"{proxy.pk} is back"


def _insert_instance(change: Commit, proxy: Proxy, address: str, port: int, weight: int = 100) -> None:
    Instance.objects.create(
        id=proxy.pk,
        service=proxy.service,
        version=proxy.version,
        proxy=proxy,
        address=address,
        port=port,
        ttl_s=DEFAULT_TTL_S,
        weight=weight,
        locality=proxy.locality,
    )
    change.dirty("endpoints", proxy.service)


def _inbound(service: str, listeners: Sequence[Listener]) -> InboundListener | None:
    found = [(i, listener) for i, listener in enumerate(listeners) if isinstance(listener, InboundListener)]
    for index, listener in found:
        if listener.service != service:
            raise InvalidInput.field(f"listeners.{index}.service", "invalid", f"the token is for {service}")
        check_address(listener.address, local_allowed=True)
    if len(found) > 1:
        raise InvalidInput.field("listeners", "too_many", "a proxy has one inbound listener")
    return found[0][1] if found else None


def _remove_former(change: Commit, service: Service, name: str, inbound: InboundListener | None) -> list[str]:
    """Remove whom the new proxy replaces: its former self, and whoever was where it listens now."""
    same = Q(name=name)
    if inbound is not None:
        address = {"address": inbound.address, "port": inbound.port}
        same |= Q(instance__address=inbound.address, instance__port=inbound.port)
        if service.instances.filter(proxy=None, **address).delete()[0]:
            change.dirty("endpoints", service)
    former = list(service.proxies.filter(same).select_related("service__namespace"))
    _remove(change, former)
    return [proxy.pk for proxy in former]


def _remove(change: Commit, proxies: Sequence[Proxy]) -> None:
    for proxy in proxies:
        change.dirty("proxy", proxy.pk)
        if Instance.objects.filter(proxy=proxy).exists():
            change.dirty("endpoints", proxy.service)
    # Collected first, because deleting clears their ids.
    ids = [proxy.pk for proxy in proxies]
    Proxy.objects.filter(pk__in=ids).delete()
