"""Analysis templates: metrics that many rollouts share. A rollout copies them, so that editing one changes no plan."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from django.db.models import Q, QuerySet

from meshui.core.actors import Actor
from meshui.core.commits import Commit, Outcome, commit
from meshui.core.errors import Conflict, InvalidInput, NotFound
from meshui.core.versions import etag, expect
from meshui.rollouts.models import AnalysisTemplate
from meshui.rollouts.plan import Metric


def templates(search: str = "") -> QuerySet[AnalysisTemplate]:
    """They belong to no namespace: everybody may read them."""
    rows = AnalysisTemplate.objects.all()
    return rows.filter(Q(name__icontains=search) | Q(description__icontains=search)) if search else rows


def get_template(name: str) -> AnalysisTemplate:
    """Raises NotFound."""
    row = AnalysisTemplate.objects.filter(name=name).first()
    if row is None:
        raise NotFound(f"no analysis template {name}")
    return row


def template_metrics(row: AnalysisTemplate) -> tuple[Metric, ...]:
    return msgspec.convert(row.metrics, tuple[Metric, ...])


def template_version(row: AnalysisTemplate) -> str:
    return etag(_shown(row))


def named_metrics(template: str) -> tuple[Metric, ...]:
    """The metrics of the template that an analysis names; none for an empty name. Raises InvalidInput."""
    if not template:
        return ()
    row = AnalysisTemplate.objects.filter(name=template).first()
    if row is None:
        raise InvalidInput.field("analysis.template", "unknown_template", f"no analysis template {template}")
    return template_metrics(row)


# --- writing ----------------------------------------------------------------------------------------------------


def template_create(
    *,
    actor: Actor,
    name: str,
    description: str,
    metrics: Sequence[Metric],
    reason: str = "",
    dry_run: bool = False,
) -> Outcome[AnalysisTemplate]:
    """Raises PermissionDenied (it takes ``traffic.write`` mesh-wide), Conflict (the name is taken)."""
    with _changing(actor, "template.create", name, reason, dry_run) as change:
        if AnalysisTemplate.objects.filter(name=name).exists():
            raise Conflict(f"analysis template {name} exists")
        row = AnalysisTemplate.objects.create(
            name=name, description=description, metrics=msgspec.to_builtins(metrics), created_by=actor.name
        )
        change.summary = f"created analysis template {name}"
        change.after = _shown(row)
    return Outcome(row, change.revision)


def template_set(
    *,
    actor: Actor,
    name: str,
    description: str,
    metrics: Sequence[Metric],
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[AnalysisTemplate]:
    """Rollouts that have started keep what they copied. Raises PermissionDenied, NotFound, Stale."""
    with _changing(actor, "template.set", name, reason, dry_run) as change:
        row = get_template(name)
        expect(expected_version, template_version(row))
        change.before = _shown(row)
        row.description, row.metrics = description, msgspec.to_builtins(metrics)
        change.after = _shown(row)
        if change.before == change.after:
            change.unchanged()
        else:
            row.save()
            change.summary = f"changed analysis template {name}"
    return Outcome(row, change.revision)


def template_delete(
    *, actor: Actor, name: str, reason: str = "", expected_version: str | None = None, dry_run: bool = False
) -> int | None:
    """Drafts that name it cannot start any more. Raises PermissionDenied, NotFound, Stale."""
    with _changing(actor, "template.delete", name, reason, dry_run) as change:
        row = get_template(name)
        expect(expected_version, template_version(row))
        change.summary = f"deleted analysis template {name}"
        change.before = _shown(row)
        row.delete()
    return change.revision


def _changing(actor: Actor, action: str, name: str, reason: str, dry_run: bool) -> AbstractContextManager[Commit]:
    actor.require("traffic.write")
    return commit(actor=actor, action=action, obj=f"template:{name}", reason=reason, dry_run=dry_run)


def _shown(row: AnalysisTemplate) -> dict[str, Any]:
    return {"name": row.name, "description": row.description, "metrics": msgspec.to_builtins(row.metrics)}
