"""Reads of the change log."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from meshui.core.actors import Actor
from meshui.core.errors import NotFound
from meshui.core.models import Change


def changes(
    actor: Actor,
    *,
    namespace: str = "",
    obj: str = "",
    by: str = "",
    action: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    search: str = "",
) -> QuerySet[Change]:
    """The changes of the namespaces that the actor may view; what belongs to no namespace needs a mesh-wide view.

    What was done to users (roles, addresses, tokens) is shown to who may administer them.
    """
    rows = Change.objects.all()
    visible = actor.visible_namespaces()
    if visible is not None:
        rows = rows.filter(namespace__in=visible)
    if not actor.may("users.write"):
        rows = rows.exclude(object__startswith="user:")
    exact = {"namespace": namespace, "object": obj, "actor": by, "action": action}
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    if search:
        words = ("summary", "reason", "object", "actor")
        condition = Q()
        for word in words:
            condition |= Q(**{f"{word}__icontains": search})
        rows = rows.filter(condition)
    return rows


def get_change(actor: Actor, change_id: int) -> Change:
    """Raises NotFound, also where the actor may not view it."""
    row = changes(actor).filter(pk=change_id).first()
    if row is None:
        raise NotFound(f"no change {change_id}")
    return row
