"""Removing a version, which is a matter of traffic: nothing may lead to it."""

from __future__ import annotations

from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Conflict, NotFound
from meshui.traffic.selectors import named_versions, routes_of
from meshui.traffic.services.common import touch


def version_remove(*, actor: Actor, service: str, version: str, reason: str = "", dry_run: bool = False) -> int | None:
    """Remove a version that takes no traffic; the revision.

    Raises PermissionDenied, NotFound, Conflict ``in_use``: it has weight in the split or in a route, or instances or
    proxies of it exist.
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
        if found.weight:
            raise Conflict(f"{version} takes {found.weight} % of the split", code="in_use")
        for route in routes_of(row):
            if version in named_versions(route):
                raise Conflict(f"route {route.name} names {version}", code="in_use")
        if found.instances.exists() or found.proxies.exists():
            raise Conflict(f"instances of {version} exist", code="in_use")
        change.summary = f"removed version {version}"
        change.before = {"version": version}
        change.dirty("service", service)
        found.delete()
        touch(row, change.revision)
    return change.revision
