"""What changes of policies and of settings share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from meshui.catalog.models import CALLED
from meshui.catalog.selectors import find_workload
from meshui.core.actors import Actor
from meshui.core.commits import Commit
from meshui.core.errors import FieldError, InvalidInput
from meshui.mesh.invariants import Breach
from meshui.security.access import columns, services_in
from meshui.security.models import JwtProvider


def namespace_of(scope: str) -> str | None:
    """Whose permission a change of it needs; None: the whole mesh's."""
    return columns(scope)["namespace"] or None


def refuse(breaches: Iterable[Breach]) -> None:
    """Raise InvalidInput with every breach, if there is one."""
    errors = [FieldError(b.path, b.code, b.detail) for b in breaches]
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)


def refuse_unknown(actor: Actor, scope: str, path: str) -> None:
    """Raise InvalidInput where the scope is of nobody that there is, or that the actor may see."""
    place = columns(scope)
    if place["service"]:
        found = find_workload(scope)
        if found is None or not actor.may("view", place["namespace"]):
            raise InvalidInput.field(path, "unknown_service", f"no service {scope}")


def unknown_providers(names: Collection[str], scope: str, path: str) -> Iterator[Breach]:
    """Token providers that are not there, or are another namespace's."""
    known = JwtProvider.objects.filter(namespace__in=["", columns(scope)["namespace"]])
    there = set(known.filter(name__in=names).values_list("name", flat=True)) if names else set()
    for index, name in enumerate(names):
        if name not in there:
            yield Breach(f"{path}.{index}", "unknown_provider", f"no token provider {name} for {scope}")


def dirty(change: Commit, scopes: Iterable[str], *, endpoints: bool = False) -> int:
    """Mark how all services of the scopes receive, and where they are called where that changes too; how many."""
    found = {str(row): row for scope in scopes for row in services_in(scope)}
    for name, row in found.items():
        change.dirty("inbound", name)
        if endpoints and row.kind in CALLED:
            change.dirty("endpoints", name)
    return len(found)
