"""Health checks: who is checked how, what the probes found, and who has been critical for too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from meshui.catalog.checks import Check, effective, validated
from meshui.catalog.models import Instance, Service
from meshui.catalog.selectors import (
    CHECKS_RUN,
    HEARTBEATS_HEARD,
    get_instance,
    get_service,
    health_check_version,
    is_actively_checked,
    observed_since,
)
from meshui.catalog.services.verdicts import REGISTRY, Finding, by_service, find, settle
from meshui.core.actors import Actor
from meshui.core.commits import Commit, Outcome, commit
from meshui.core.versions import expect


def health_check_set(
    *,
    actor: Actor,
    service: str,
    check: Check | None,
    instance_id: str = "",
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[Service | Instance]:
    """Set or remove (None) the check of a service, or of one of its instances in place of the service's.

    An instance that was sent probes and is still keeps its verdict until the next one; one that is sent none any more
    has its whole TTL for its first heartbeat. Raises PermissionDenied, NotFound, InvalidInput, Stale.
    """
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    stored = validated(check)
    with commit(
        actor=actor,
        action="health_check.set",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        owner: Service | Instance = get_instance(service, instance_id) if instance_id else get_service(service)
        expect(expected_version, health_check_version(owner))
        if owner.health_check == stored:
            change.unchanged()
            return Outcome(owner, None)
        rows = list(_governed(owner).select_related("service"))
        probed = {row.pk for row in rows if is_actively_checked(row)}
        change.summary = f"{'set' if check else 'removed'} the health check" + (instance_id and f" of {instance_id}")
        change.before, change.after = {"check": owner.health_check}, {"check": stored}
        _store(change, owner, stored)
        for row in rows:
            if isinstance(owner, Service):
                row.service.health_check = stored
            else:
                row.health_check = stored
        settle(change, service, [_begin_anew(row, row.pk in probed) for row in rows])
    return Outcome(owner, change.revision)


def checks_record(findings: Mapping[str, Finding]) -> None:
    """Take over the verdicts of probes, by instance: one revision for each service and verdict."""
    groups: dict[tuple[Service, bool], dict[str, Finding]] = defaultdict(dict)
    for service, ids in by_service(Instance.objects.filter(pk__in=findings)).items():
        for instance_id in ids:
            finding = findings[instance_id]
            groups[service, finding.good][instance_id] = finding
    for (service, _), group in groups.items():
        find(str(service), group, REGISTRY)


def instances_deregister_overdue(now: datetime | None = None) -> int:
    """Take instances out that have been critical for their check's ``deregister_after_s``; how many.

    Only time in which their causes were watched without a break counts: reports read, or probes sent.
    """
    now = now or timezone.now()
    rows = Instance.objects.filter(status=Instance.Status.CRITICAL).select_related("service__namespace")
    overdue: dict[Service, list[str]] = defaultdict(list)
    for row in rows.exclude(critical_since=None):
        after_s = effective(row.service.health_check, row.health_check).deregister_after_s
        if after_s is not None and _watched_critical_since(row, now) <= now - timedelta(seconds=after_s):
            overdue[row.service].append(row.pk)
    return sum(_deregister(str(service), ids) for service, ids in overdue.items())


def _deregister(service: str, ids: Iterable[str]) -> int:
    namespace = service.partition("/")[0]
    with commit(actor=REGISTRY, action="instance.deregister", obj=f"service:{service}", namespace=namespace) as change:
        rows = Instance.objects.select_for_update(skip_locked=True).filter(pk__in=ids, status=Instance.Status.CRITICAL)
        gone = sorted(rows.values_list("pk", flat=True))
        if not gone:
            change.unchanged()
            return 0
        Instance.objects.filter(pk__in=gone).delete()
        change.summary = f"deregistered {', '.join(gone)}: critical for too long"
        change.before = {"instances": gone}
        change.dirty("endpoints", service)
    return len(gone)


def _watched_critical_since(row: Instance, now: datetime) -> datetime:
    """Since when it is known to be critical: no earlier than what made it so is being watched."""
    assert row.critical_since is not None
    since = [row.critical_since]
    if not row.beating:
        since.append(observed_since(HEARTBEATS_HEARD, now) or now)
    if row.check_passing is False:
        since.append(observed_since(CHECKS_RUN, now) or now)
    return max(since)


def _store(change: Commit, owner: Service | Instance, stored: Any) -> None:
    owner.health_check = stored
    if isinstance(owner, Service):
        owner.revision = change.revision or owner.revision
        owner.save(update_fields=["health_check", "revision", "updated_at"])
    else:
        owner.save(update_fields=["health_check"])


def _governed(owner: Service | Instance) -> QuerySet[Instance]:
    """The instances whose check this is."""
    if isinstance(owner, Service):
        return Instance.objects.filter(service=owner, health_check__isnull=True)
    return Instance.objects.filter(pk=owner.pk)


def _begin_anew(row: Instance, was_probed: bool) -> Instance:
    probed = is_actively_checked(row)
    if not probed:
        row.check_passing, row.check_output, row.check_at = None, "", None
    if row.proxy_id is None and probed != was_probed:
        row.beating = True
        row.last_seen_at = timezone.now()
        row.save(update_fields=["last_seen_at"])
    return row
