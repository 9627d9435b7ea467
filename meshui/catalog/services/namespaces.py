"""Namespaces come and go."""

from __future__ import annotations

from meshui.catalog.models import Namespace
from meshui.catalog.selectors import get_namespace, namespace_version
from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.errors import Conflict, InvalidInput
from meshui.core.versions import expect
from meshui.mesh.names import LABEL, REGISTRY


def namespace_create(
    *, actor: Actor, name: str, description: str = "", reason: str = "", dry_run: bool = False
) -> Outcome[Namespace]:
    """Raises PermissionDenied, InvalidInput, Conflict (the name is taken)."""
    actor.require("catalog.write")
    if not LABEL.fullmatch(name):
        raise InvalidInput.field("name", "invalid", "expected a DNS label: a-z, 0-9, -, at most 63")
    if name == REGISTRY.namespace:
        raise InvalidInput.field("name", "reserved", "the control plane's own namespace")
    with commit(
        actor=actor, action="namespace.create", obj=f"namespace:{name}", namespace=name, reason=reason, dry_run=dry_run
    ) as change:
        if Namespace.objects.filter(name=name).exists():
            raise Conflict(f"namespace {name} exists")
        row = Namespace.objects.create(name=name, description=description)
        change.summary = f"created namespace {name}"
        change.after = {"name": name, "description": description}
    return Outcome(row, change.revision)


def namespace_delete(
    *, actor: Actor, name: str, reason: str = "", expected_version: str | None = None, dry_run: bool = False
) -> int | None:
    """The revision. Raises PermissionDenied, NotFound, Stale, Conflict (it holds services)."""
    actor.require("catalog.write")
    with commit(
        actor=actor, action="namespace.delete", obj=f"namespace:{name}", namespace=name, reason=reason, dry_run=dry_run
    ) as change:
        row = get_namespace(name)
        expect(expected_version, namespace_version(row))
        if held := row.services.count():
            raise Conflict(f"namespace {name} holds {held} services", code="in_use")
        change.summary = f"deleted namespace {name}"
        change.before = {"name": name, "description": row.description}
        row.delete()
    return change.revision
