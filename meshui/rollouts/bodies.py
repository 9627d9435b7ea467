"""A rollout as people write it: to the API, in a file, in a repository. ``planning`` makes a Plan of it.

Types and ranges of single fields are said here; durations, and rules between fields, in ``planning``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from meshui.catalog.api.fields import ServiceId, VersionLabel
from meshui.core.api.bodies import PRINTABLE, Body, Reason
from meshui.mesh.names import LABEL, VERSION
from meshui.mesh.values import RouteMatch, Sticky
from meshui.rollouts.plan import Occasion, OnFail, Percent, Strategy

MAX_STEPS = 100
OCCASIONS: tuple[Occasion, ...] = ("started", "paused", "approval", "failed", "succeeded", "rolled_back")

Duration = Annotated[str, Meta(max_length=40, examples=["30s", "5m", "PT1H"], description="30s, 1h30m, or ISO 8601.")]
Condition = Annotated[str, Meta(max_length=200, examples=["value < 0.05"], description="With `and` and `or`.")]
Limit = Annotated[int, Meta(ge=0, le=1000)]
Alpha = Annotated[float, Meta(gt=0, le=0.2)]
Objective = Annotated[int, Meta(ge=1, le=60_000, description="Milliseconds.")]
MetricName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Shown, and unique.")]
Username = Annotated[str, Meta(min_length=1, max_length=150)]
Target = Annotated[str, Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


class Nothing(Body, frozen=True, kw_only=True):
    """``{}``: there is nothing to say."""


class MirrorBody(Body, frozen=True, kw_only=True):
    """``unsafe`` copies also requests whose method may change something."""

    percent: Annotated[float, Meta(ge=0, le=100)]
    unsafe: bool = False


class WebhookBody(Body, frozen=True, kw_only=True):
    """Asked by POST, at most 10 s, three times; 2xx goes on."""

    url: Target


class StepBody(Body, frozen=True, kw_only=True):
    """Exactly one of these."""

    set_weight: Percent | UnsetType = UNSET
    bake: Duration | UnsetType = UNSET
    analyse: Nothing | UnsetType = UNSET
    approve: Nothing | UnsetType = UNSET
    set_match: Annotated[list[RouteMatch], Meta(max_length=20)] | UnsetType = UNSET
    set_mirror: MirrorBody | UnsetType = UNSET
    webhook: WebhookBody | UnsetType = UNSET
    pause: Nothing | UnsetType = UNSET


class MetricBody(Body, frozen=True, kw_only=True):
    """``errors`` or ``latency`` need no more than their name. Any other metric is a PromQL query that gives one number,
    with a condition for success, for failure, or both."""

    name: MetricName
    promql: Annotated[str, Meta(max_length=4000)] = ""
    success: Condition = ""
    failure: Condition = ""
    failure_limit: Limit = 0
    consecutive_success: Annotated[int, Meta(ge=1, le=1000)] = 1
    inconclusive_limit: Limit = 0
    error_limit: Limit | None = None
    dry_run: bool = False


Metrics = Annotated[list[Literal["errors", "latency"] | MetricBody], Meta(max_length=20)]


class AnalysisBody(Body, frozen=True, kw_only=True):
    """Without ``metrics``: those of the template, or errors and latency. With both, all of them."""

    interval: Duration = "15s"
    alpha: Alpha = 0.01
    objective_ms: Objective = 300
    min_requests: Annotated[int, Meta(ge=1, le=1_000_000)] = 200
    metrics: Metrics | None = None
    template: Annotated[str, Meta(pattern=f"^({LABEL.pattern})?$", max_length=63)] = ""


class SafetyBody(Body, frozen=True, kw_only=True):
    """``dead_man`` of null is off."""

    step_deadline: Duration = "30m"
    ack_deadline: Duration = "60s"
    warm: Duration = "30s"
    post_check: Duration = "5m"
    dead_man: Duration | None = None
    sticky: Sticky | None = None


class NotifyBody(Body, frozen=True, kw_only=True):
    """Without ``on``: of everything."""

    kind: Literal["webhook", "slack", "email"]
    target: Target
    on: Annotated[list[Occasion], Meta(min_length=1, max_length=len(OCCASIONS))] = field(
        default_factory=lambda: list(OCCASIONS)
    )


class PlanBody(Body, frozen=True, kw_only=True):
    """Everything but the version and the strategy has a default. Without ``steps``: the strategy's own. An empty
    ``stable`` is the version that has all the weight."""

    canary: VersionLabel
    stable: Annotated[str, Meta(pattern=f"^({VERSION.pattern})?$", max_length=63)] = ""
    strategy: Strategy = "canary"
    steps: Annotated[list[StepBody], Meta(min_length=1, max_length=MAX_STEPS)] | None = None
    analysis: AnalysisBody = field(default_factory=AnalysisBody)
    on_fail: OnFail = "rollback"
    approvers: Annotated[list[Username], Meta(max_length=50)] = field(default_factory=list)
    notify: Annotated[list[NotifyBody], Meta(max_length=20)] = field(default_factory=list)
    safety: SafetyBody = field(default_factory=SafetyBody)


class DeclaredBody(PlanBody, frozen=True, kw_only=True):
    """A rollout as a repository declares it, of the service that the path names. The same plan with another ``trigger``
    is another declaration: so a version that was rolled back can be tried again."""

    trigger: Annotated[str, Meta(max_length=200, pattern=PRINTABLE)] = ""
    reason: Reason = ""


class RolloutBody(PlanBody, frozen=True, kw_only=True):
    """``start`` of false leaves it a draft."""

    service: ServiceId
    start: bool = True
    reason: Reason = ""
