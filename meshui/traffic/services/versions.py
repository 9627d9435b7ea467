"""Removing a version, which is a matter of traffic: nothing may lead to it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Conflict, NotFound
from meshui.traffic.selectors import named_versions, routes_of, rules_of
from meshui.traffic.services.common import refuse_owned, touch

KEPT = timedelta(seconds=30)
"""How long versions stay after a rollout, for requests that proxies began to send to them."""


def version_remove(*, actor: Actor, service: str, version: str, reason: str = "", dry_run: bool = False) -> int | None:
    """Remove a version that takes no traffic; the revision.

    Raises PermissionDenied, NotFound, Conflict ``in_use``: it has weight in the split or in a route, instances or
    proxies of it exist, or a rollout has just ended. Conflict ``owned_by_rollout`` during one.
    """
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    with commit(
        actor=actor,
        action="version.remove",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        found = next((known for known in row.versions.all() if known.name == version), None)
        if found is None:
            raise NotFound(f"{service} has no version {version}")
        refuse_owned(row)
        if found.weight:
            raise Conflict(f"{version} takes {found.weight} % of the split", code="in_use")
        for route in routes_of(row):
            if version in named_versions(route):
                raise Conflict(f"route {route.name} names {version}", code="in_use")
        if found.instances.exists() or found.proxies.exists():
            raise Conflict(f"instances of {version} exist", code="in_use")
        if _just_released(row):
            raise Conflict(f"a rollout of {service} ended less than {KEPT.seconds} s ago", code="in_use")
        change.summary = f"removed version {version}"
        change.before = {"version": version}
        change.dirty("service", service)
        found.delete()
        touch(row, change.revision)
    return change.revision


def _just_released(service: Service) -> bool:
    rules = rules_of(service)
    return rules is not None and rules.released_at is not None and timezone.now() - rules.released_at < KEPT
