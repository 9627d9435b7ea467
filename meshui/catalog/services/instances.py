"""Instances register, show that they live, and are taken out of rotation when they do not.

An instance behind a proxy lives as long as its proxy reports; another one sends its own heartbeats.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.utils import timezone

from meshui.catalog.addresses import check_address
from meshui.catalog.models import Instance, Service
from meshui.catalog.selectors import (
    OBSERVED_KEY,
    Observation,
    get_instance,
    get_service,
    get_version,
    instance_version,
    registry_observation,
    registry_observed_since,
)
from meshui.core.actors import Actor, system
from meshui.core.commits import Outcome, commit
from meshui.core.errors import Conflict, InvalidInput
from meshui.core.versions import expect

DEFAULT_TTL_S = 15
REGISTRY = system("registry")


def instance_register(
    *,
    actor: Actor,
    service: str,
    version: str,
    address: str,
    port: int,
    instance_id: str = "",
    ttl_s: int = DEFAULT_TTL_S,
    reason: str = "",
    dry_run: bool = False,
) -> Outcome[Instance]:
    """Register an instance that sends its own heartbeats, one each ``ttl_s`` at least; it starts as passing.

    Raises PermissionDenied, NotFound, InvalidInput (version, address), Conflict (its id or address is taken).
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
    """The revision. Raises PermissionDenied, NotFound, Stale."""
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
        change.summary = f"deregistered {instance_id}"
        change.before = _shown(instance)
        change.dirty("endpoints", service)
        instance.delete()
    return change.revision


def instance_heartbeat(*, actor: Actor, service: str, instance_id: str) -> Outcome[Instance]:
    """Note that it lives; a critical one is passing again, which is a revision.

    Raises PermissionDenied, NotFound, Conflict (a proxy reports for it).
    """
    actor.require("catalog.write", service.partition("/")[0])
    instance = get_instance(service, instance_id)
    if instance.proxy_id is not None:
        raise Conflict("the proxy of this instance reports for it")
    instance.last_seen_at = timezone.now()
    Instance.objects.filter(pk=instance_id).update(last_seen_at=instance.last_seen_at)
    if instance.status == Instance.Status.PASSING:
        return Outcome(instance, None)
    revision = _flip(service, [instance_id], Instance.Status.PASSING, actor)
    return Outcome(get_instance(service, instance_id), revision)


def heartbeats_record(
    *, proxy_ids: Collection[str], at: datetime, loads: Mapping[str, Mapping[str, float]] | None = None
) -> None:
    """Note the proxies that reported up to ``at``, and their load (``rps, connections, rss_bytes, cpu_percent``).

    The collector calls this about once a second whenever it has read the stream, also with no proxies: the calls
    themselves say that silence means something. A critical instance whose proxy reports is passing again.
    """
    _observe(timezone.now())
    if not proxy_ids:
        return
    ids = sorted(proxy_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_proxy SET last_seen_at = greatest(last_seen_at, %s),"
            " load = coalesce(seen.load::jsonb, catalog_proxy.load)"
            " FROM unnest(%s::text[], %s::text[]) AS seen(id, load) WHERE catalog_proxy.id = seen.id",
            [at, ids, [json.dumps(loads[i]) if loads and i in loads else None for i in ids]],
        )
    Instance.objects.filter(proxy_id__in=ids).update(last_seen_at=Greatest("last_seen_at", at))
    back = Instance.objects.filter(proxy_id__in=ids, status=Instance.Status.CRITICAL)
    # A report read late, out of a backlog, does not revive anyone.
    _flip_each(back.filter(last_seen_at__gt=_deadline(timezone.now())), Instance.Status.PASSING)


def instances_expire(now: datetime | None = None) -> int:
    """Turn instances critical that have been silent for their TTL; how many.

    Only silence that somebody listened to counts: an instance is spared until the collector has been reading
    reports without a break for the instance's whole TTL.
    """
    now = now or timezone.now()
    since = registry_observed_since(now)
    if since is None:
        return 0
    overdue = Instance.objects.filter(
        status=Instance.Status.PASSING,
        last_seen_at__lt=_deadline(now),
        ttl_s__lte=int((now - since).total_seconds()),
    )
    return _flip_each(overdue, Instance.Status.CRITICAL)


def _deadline(now: datetime) -> Combinable:
    """``now`` minus an instance's own TTL, in SQL."""
    ttl = ExpressionWrapper(F("ttl_s") * timedelta(seconds=1), output_field=DurationField())
    return ExpressionWrapper(now - ttl, output_field=Instance._meta.get_field("last_seen_at"))


def _flip_each(instances: Iterable[Instance], status: Instance.Status) -> int:
    by_service: dict[Service, list[str]] = defaultdict(list)
    for instance in instances.select_related("service__namespace"):  # type: ignore[attr-defined]
        by_service[instance.service].append(instance.pk)
    for service, ids in by_service.items():
        _flip(str(service), ids, status, REGISTRY)
    return sum(map(len, by_service.values()))


def _flip(service: str, ids: Collection[str], status: Instance.Status, actor: Actor) -> int | None:
    """Change the status of instances of one service, in one revision."""
    with commit(
        actor=actor, action=f"instance.{status}", obj=f"service:{service}", namespace=service.partition("/")[0]
    ) as change:
        # A row that a heartbeat is being written to is left for the next round, so that neither waits for the other.
        locked = Instance.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk__in=ids)
        flipped = sorted(locked.exclude(status=status).values_list("pk", flat=True))
        if not flipped:
            change.unchanged()
            return None
        Instance.objects.filter(pk__in=flipped).update(status=status)
        change.summary = f"{', '.join(flipped)} {status}"
        change.after = {"instances": flipped, "status": str(status)}
        change.dirty("endpoints", service)
    return change.revision


def _observe(now: datetime) -> None:
    seen = registry_observation(now)
    cache.set(OBSERVED_KEY, Observation(since=seen.since if seen else now, until=now), timeout=None)


def _shown(instance: Instance) -> dict[str, object]:
    return {
        "id": instance.pk,
        "version": instance.version.name,
        "address": instance.address,
        "port": instance.port,
    }
