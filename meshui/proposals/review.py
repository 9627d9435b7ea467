"""Whether a write takes a second person. The services that change security ask here, whoever calls them."""

from __future__ import annotations

from meshui.core.actors import Actor
from meshui.core.errors import Conflict
from meshui.proposals.models import ReviewRule


def is_required(namespace: str) -> bool:
    """Whether changes in the namespace (empty: of the mesh) take two people."""
    return ReviewRule.objects.filter(namespace__in={"", namespace}).exists()


def require_second(actor: Actor, namespace: str, *, dry_run: bool = False) -> None:
    """Raise Conflict ``approval_required`` where the change takes a second person and the actor is alone.

    Parts of the system act alone: what they do is what people set them to do. A trial changes nothing.
    """
    if dry_run or actor.system or actor.approves or not is_required(namespace):
        return
    where = f"namespace {namespace}" if namespace else "the mesh"
    raise Conflict(f"changes of security in {where} take two people: propose it", code="approval_required")
