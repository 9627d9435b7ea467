"""The one place where an instance's status changes: what is known of it, put together.

An instance passes while it beats and its check does not say otherwise. A change of status is a revision; a change of
what is known that leaves the status alone is only written down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from meshui.catalog.models import Instance, Service
from meshui.catalog.selectors import is_actively_checked
from meshui.core.actors import Actor, system
from meshui.core.commits import Commit, commit

REGISTRY = system("registry")
KNOWN = ["beating", "check_passing", "check_output", "check_at", "status", "critical_since"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about an instance; None leaves what was known."""

    beating: bool | None = None
    check_passing: bool | None = None
    check_output: str = ""

    @property
    def good(self) -> bool:
        return self.beating is not False and self.check_passing is not False


def by_service(instances: QuerySet[Instance]) -> dict[Service, list[str]]:
    """The ids of instances, by their service."""
    found: dict[Service, list[str]] = defaultdict(list)
    for instance in instances.select_related("service__namespace"):
        found[instance.service].append(instance.pk)
    return found


def find_each(instances: QuerySet[Instance], finding: Finding) -> int:
    """The same of each instance, in one revision for each service; how many instances there were."""
    found = by_service(instances)
    for service, ids in found.items():
        find(str(service), dict.fromkeys(ids, finding), REGISTRY)
    return sum(map(len, found.values()))


def find(service: str, findings: Mapping[str, Finding], actor: Actor) -> int | None:
    """Write down what was found of instances of one service, good or bad of all of them alike; the revision, or None
    where no status changed."""
    good = all(finding.good for finding in findings.values())
    action = f"instance.{Instance.Status.PASSING if good else Instance.Status.CRITICAL}"
    namespace = service.partition("/")[0]
    with commit(actor=actor, action=action, obj=f"service:{service}", namespace=namespace) as change:
        # A row that a heartbeat is being written to is left for the next round, so that neither waits for the other.
        rows = Instance.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk__in=findings)
        found = list(rows.select_related("service").order_by("pk"))
        for row in found:
            _take(row, findings[row.pk])
        if not settle(change, service, found):
            change.unchanged()
    return change.revision


def settle(change: Commit, service: str, rows: Iterable[Instance]) -> bool:
    """Bring the status of rows in line with what is known of them, and save it; whether any status changed."""
    flipped: dict[str, str] = {}
    for row in rows:
        status = _status(row)
        if row.status != status:
            row.status = status
            flipped[row.pk] = str(status)
            row.critical_since = timezone.now() if status == Instance.Status.CRITICAL else None
        row.save(update_fields=KNOWN)
    if flipped:
        change.summary = change.summary or "; ".join(f"{pk} {status}" for pk, status in flipped.items())
        change.after = change.after or {"instances": flipped}
        change.dirty("endpoints", service)
    return bool(flipped)


def _take(row: Instance, finding: Finding) -> None:
    if finding.beating is not None:
        row.beating = finding.beating
    # A verdict may come after its check was removed.
    if finding.check_passing is not None and is_actively_checked(row):
        row.check_passing = finding.check_passing
        row.check_output = finding.check_output[:200]
        row.check_at = timezone.now()


def _status(row: Instance) -> Instance.Status:
    critical = not row.beating or row.check_passing is False
    return Instance.Status.CRITICAL if critical else Instance.Status.PASSING
