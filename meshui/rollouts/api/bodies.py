"""Queries and bodies that only the API has; rollouts themselves are in ``meshui.rollouts.bodies``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from meshui.catalog.api.fields import Label, NamespaceFilter, Search, ServiceId, VersionLabel
from meshui.core.api.bodies import Body, Description, Reason, View
from meshui.core.api.pages import ListQuery
from meshui.rollouts.bodies import (
    MAX_STEPS,
    Alpha,
    AnalysisBody,
    Duration,
    Metrics,
    Objective,
    StepBody,
)
from meshui.rollouts.shapes import VerdictKind

Instant = Annotated[datetime, Meta(tz=True)]


class RolloutQuery(ListQuery, frozen=True, kw_only=True):
    """``active`` keeps those under way, or with 0 those that are not. ``search`` looks in names and reasons."""

    service: Annotated[str, Meta(max_length=127)] = ""
    namespace: NamespaceFilter = ""
    state: Literal["", "draft", "progressing", "paused", "promoting", "rolling_back", "succeeded", "rolled_back"] = ""
    active: bool | None = None
    search: Search = ""
    ordering: Annotated[str, Meta(pattern="^-?id$")] = "-id"


class EventQuery(ListQuery, frozen=True, kw_only=True):
    """Those after ``since``, a ``seq``."""

    since: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class MeasurementQuery(ListQuery, frozen=True, kw_only=True):
    """Those of one metric, taken after ``since``."""

    metric: Annotated[str, Meta(max_length=63)] = ""
    since: Instant | None = None


class ActBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class PromoteBody(Body, frozen=True, kw_only=True):
    """To everybody now, past the steps that are left: say why."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class AbortBody(Body, frozen=True, kw_only=True):
    """``force`` goes back to stable even where none of its instances is healthy."""

    reason: Reason = ""
    force: bool = False


# --- before a rollout -------------------------------------------------------------------------------------------


class PreflightBody(Body, frozen=True, kw_only=True):
    service: ServiceId
    canary: VersionLabel


class EstimateBody(Body, frozen=True, kw_only=True):
    """As in a rollout."""

    service: ServiceId
    steps: Annotated[list[StepBody], Meta(min_length=1, max_length=MAX_STEPS)]
    analysis: AnalysisBody = field(default_factory=AnalysisBody)


# --- templates --------------------------------------------------------------------------------------------------

RequiredMetrics = Annotated[Metrics, Meta(min_length=1)]


class TemplateQuery(ListQuery, frozen=True, kw_only=True):
    search: Search = ""


class TemplateBody(Body, frozen=True, kw_only=True):
    name: Label
    description: Description = ""
    metrics: RequiredMetrics
    reason: Reason = ""


class TemplateContent(Body, frozen=True, kw_only=True):
    """All of it but its name."""

    description: Description = ""
    metrics: RequiredMetrics
    reason: Reason = ""


class TemplateView(View, frozen=True, kw_only=True):
    """Metrics that rollouts name instead of listing them; a rollout copies them when it starts."""

    name: str
    description: str
    metrics: Metrics
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: str


class BacktestBody(Body, frozen=True, kw_only=True):
    """Over the telemetry recorded ``from`` one time ``to`` another, at most a week; in windows of whole ten seconds."""

    service: ServiceId
    canary: VersionLabel
    stable: VersionLabel
    from_: Instant = field(name="from")
    to: Instant
    interval: Duration = "30s"
    bake: Duration = "60s"
    alpha: Alpha = 0.01
    objective_ms: Objective = 300
    steps: Annotated[int, Meta(ge=1, le=100)] = 1


class TickView(View, frozen=True, kw_only=True):
    """What the template said of one metric at one time. ``e`` and ``limit`` are null for a query."""

    at: datetime
    step: int
    metric: str
    e: float | None
    limit: float | None
    verdict: VerdictKind
    reason: str


class OutcomeView(View, frozen=True, kw_only=True):
    """Where it led: ``inconclusive`` when the recording ended first."""

    verdict: Literal["pass", "fail", "inconclusive"]
    at: datetime | None
    reason: str


class BacktestView(View, frozen=True, kw_only=True):
    """``windows`` were read; ``pauses`` are the times at which somebody would have been asked."""

    windows: int
    ticks: list[TickView]
    outcome: OutcomeView
    pauses: list[datetime]
