"""Instances register, are described, drained and taken out of the registry. Whether they are well is found out in
``heartbeats`` and ``health_checks``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from django.conf import settings

from meshui.catalog.addresses import check_address
from meshui.catalog.checks import Check, validated
from meshui.catalog.models import Instance
from meshui.catalog.selectors import get_instance, get_service, get_version, instance_version
from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.errors import Conflict, InvalidInput
from meshui.core.versions import expect

DEFAULT_TTL_S = 15
Metadata = Mapping[str, str]


def instance_register(
    *,
    actor: Actor,
    service: str,
    version: str,
    address: str,
    port: int,
    instance_id: str = "",
    ttl_s: int = DEFAULT_TTL_S,
    metadata: Metadata | None = None,
    weight: int = 100,
    locality: str = "",
    check: Check | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> Outcome[Instance]:
    """Register an instance without a proxy; it starts as passing. Where no check sends it probes, neither ``check`` nor
    its service's, it sends heartbeats, one each ``ttl_s`` at least.

    Raises PermissionDenied, NotFound, InvalidInput (version, address, check), Conflict (its id or address is taken).
    """
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    check_address(address, local_allowed=settings.MESHUI.demo)
    if not 0 < port < 65536:
        raise InvalidInput.field("port", "range", "expected 1 to 65535")
    with commit(
        actor=actor,
        action="instance.register",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        instance = Instance(
            id=instance_id or f"i-{secrets.token_hex(8)}",
            service=row,
            version=get_version(row, version),
            address=address,
            port=port,
            ttl_s=ttl_s,
            metadata=dict(metadata or {}),
            weight=weight,
            locality=locality,
            health_check=validated(check),
        )
        if Instance.objects.filter(pk=instance.pk).exists():
            raise Conflict(f"an instance {instance.pk} is registered")
        if row.instances.filter(address=address, port=port).exists():
            raise Conflict(f"another instance of {service} is at {address}:{port}")
        instance.save(force_insert=True)
        change.summary = f"registered {instance.pk} of {version} at {address}:{port}"
        change.after = _shown(instance)
        change.dirty("endpoints", service)
    return Outcome(instance, change.revision)


def instance_deregister(
    *,
    actor: Actor,
    service: str,
    instance_id: str,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> int | None:
    """The revision. Raises PermissionDenied, NotFound, Stale, Conflict (it belongs to a proxy, which is evicted)."""
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    with commit(
        actor=actor,
        action="instance.deregister",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        instance = get_instance(service, instance_id)
        expect(expected_version, instance_version(instance))
        if instance.proxy_id is not None:
            raise Conflict("it comes and goes with its proxy: evict that, or drain the instance", code="has_proxy")
        change.summary = f"deregistered {instance_id}"
        change.before = _shown(instance)
        change.dirty("endpoints", service)
        instance.delete()
    return change.revision


def instance_update(
    *,
    actor: Actor,
    service: str,
    instance_id: str,
    metadata: Metadata | None = None,
    weight: int | None = None,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[Instance]:
    """Replace its metadata, its weight (1 to 1000), or both. A proxy that joins again brings its weight along.

    Raises PermissionDenied, NotFound, Stale.
    """
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    with commit(
        actor=actor,
        action="instance.update",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        instance = get_instance(service, instance_id)
        expect(expected_version, instance_version(instance))
        asked: dict[str, object] = {"metadata": None if metadata is None else dict(metadata), "weight": weight}
        told = {name: value for name, value in asked.items() if value not in (None, getattr(instance, name))}
        if not told:
            change.unchanged()
            return Outcome(instance, None)
        change.summary = f"changed the {' and the '.join(told)} of {instance_id}"
        change.before, change.after = {name: getattr(instance, name) for name in told}, told
        for name, value in told.items():
            setattr(instance, name, value)
        instance.save(update_fields=list(told))
        if "weight" in told:
            change.dirty("endpoints", service)
    return Outcome(instance, change.revision)


def instance_drain(
    *, actor: Actor, service: str, instance_id: str, draining: bool, reason: str = "", dry_run: bool = False
) -> Outcome[Instance]:
    """Give it no new requests, or some again; what it has under way it finishes. Raises PermissionDenied, NotFound."""
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    with commit(
        actor=actor,
        action="instance.drain" if draining else "instance.undrain",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        instance = get_instance(service, instance_id)
        if instance.draining == draining:
            change.unchanged()
            return Outcome(instance, None)
        change.summary = f"{'drains' if draining else 'drains no more:'} {instance_id}"
        change.before, change.after = {"draining": instance.draining}, {"draining": draining}
        change.dirty("endpoints", service)
        instance.draining = draining
        instance.save(update_fields=["draining"])
    return Outcome(instance, change.revision)


def _shown(instance: Instance) -> dict[str, object]:
    return {
        "id": instance.pk,
        "version": instance.version.name,
        "address": instance.address,
        "port": instance.port,
        "weight": instance.weight,
        "locality": instance.locality,
        "metadata": instance.metadata,
    }
