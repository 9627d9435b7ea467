"""Heartbeats: how an instance shows that it lives, and what its silence means.

An instance behind a proxy lives as long as its proxy reports; another one sends its own heartbeats, unless a check
sends it probes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.utils import timezone

from meshui.catalog.models import CALLED, Instance, Proxy
from meshui.catalog.selectors import (
    HEARTBEATS_HEARD,
    actively_checked,
    get_instance,
    observe,
    observed_since,
)
from meshui.catalog.services.proxies import instance_restore
from meshui.catalog.services.verdicts import Finding, find, find_each
from meshui.core.actors import Actor
from meshui.core.commits import Outcome
from meshui.core.errors import Conflict


def instance_heartbeat(*, actor: Actor, service: str, instance_id: str) -> Outcome[Instance]:
    """Note that it lives; one that was critical for its silence is passing again, which is a revision.

    Raises PermissionDenied, NotFound, Conflict (a proxy reports for it).
    """
    actor.require("catalog.write", service.partition("/")[0])
    instance = get_instance(service, instance_id)
    if instance.proxy_id is not None:
        raise Conflict("the proxy of this instance reports for it")
    instance.last_seen_at = timezone.now()
    Instance.objects.filter(pk=instance_id).update(last_seen_at=instance.last_seen_at)
    if instance.beating:
        return Outcome(instance, None)
    revision = find(service, {instance_id: Finding(beating=True)}, actor)
    return Outcome(get_instance(service, instance_id), revision)


def heartbeats_record(
    *,
    proxy_ids: Collection[str],
    at: datetime,
    loads: Mapping[str, Mapping[str, float]] | None = None,
    certificate_ends: Mapping[str, datetime] | None = None,
) -> None:
    """Note the proxies that reported up to ``at``, their load (``rps, connections, rss_bytes, cpu_percent``) and when
    the certificates that they use end.

    The collector calls this about once a second whenever it has read the stream, also with no proxies: the calls
    themselves say that silence means something. An instance that was critical for its proxy's silence is passing again,
    and one that was deregistered meanwhile is back.
    """
    observe(HEARTBEATS_HEARD, timezone.now())
    if not proxy_ids:
        return
    ids = sorted(proxy_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_proxy SET last_seen_at = greatest(last_seen_at, %s),"
            " load = coalesce(seen.load::jsonb, catalog_proxy.load),"
            " certificate_not_after = coalesce(seen.ends, catalog_proxy.certificate_not_after)"
            " FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS seen(id, load, ends)"
            " WHERE catalog_proxy.id = seen.id",
            [
                at,
                ids,
                [json.dumps(loads[i]) if loads and i in loads else None for i in ids],
                [certificate_ends.get(i) if certificate_ends else None for i in ids],
            ],
        )
    Instance.objects.filter(proxy_id__in=ids).update(last_seen_at=Greatest("last_seen_at", at))
    back = Instance.objects.filter(proxy_id__in=ids, beating=False)
    # A report read late, out of a backlog, does not revive anyone.
    find_each(back.filter(last_seen_at__gt=_deadline(timezone.now())), Finding(beating=True))
    _restore(ids)


def _restore(proxy_ids: Collection[str]) -> None:
    lost = Proxy.objects.filter(pk__in=proxy_ids, instance=None, service__kind__in=CALLED)
    for proxy in lost.select_related("service__namespace", "version"):
        instance_restore(proxy)


def instances_expire(now: datetime | None = None) -> int:
    """Turn instances critical that have been silent for their TTL; how many.

    Only silence that somebody listened to counts: an instance is spared until the collector has been reading
    reports without a break for the instance's whole TTL.
    """
    now = now or timezone.now()
    since = observed_since(HEARTBEATS_HEARD, now)
    if since is None:
        return 0
    overdue = Instance.objects.filter(
        beating=True,
        last_seen_at__lt=_deadline(now),
        ttl_s__lte=int((now - since).total_seconds()),
    )
    # Who is sent probes needs no heartbeat of its own.
    by_itself = Q(proxy=None, pk__in=actively_checked().values("pk"))
    return find_each(overdue.exclude(by_itself), Finding(beating=False))


def _deadline(now: datetime) -> Combinable:
    """``now`` minus an instance's own TTL, in SQL."""
    ttl = ExpressionWrapper(F("ttl_s") * timedelta(seconds=1), output_field=DurationField())
    return ExpressionWrapper(now - ttl, output_field=Instance._meta.get_field("last_seen_at"))
