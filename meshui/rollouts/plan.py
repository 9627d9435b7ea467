"""What a rollout is to do, frozen when it starts. Pure values: no clock, no database.

``planning`` makes a Plan of what people send; the engine walks its steps. A plan is stored as JSON by
``msgspec.to_builtins`` and read back by ``msgspec.convert``. Durations are whole milliseconds.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from meshui.mesh.values import RouteMatch, Sticky

Strategy = Literal["canary", "blue_green", "ab", "mirror", "manual"]
OnFail = Literal["rollback", "freeze"]
Occasion = Literal["started", "paused", "approval", "failed", "succeeded", "rolled_back"]
Percent = Annotated[int, Meta(ge=0, le=100)]


def place(url: str) -> str:
    """An address without what may be a secret in it: many a webhook's path is its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…" if parts.path.strip("/") or parts.query else url


class Frozen(Struct, frozen=True, kw_only=True):
    """Base of a plan's parts."""


# --- steps ------------------------------------------------------------------------------------------------------


class Step(Frozen, frozen=True, kw_only=True, tag_field="kind"):
    """Base of the steps. ``kind`` is the name of the step in bodies, and the tag in JSON."""

    kind: ClassVar[str]


class SetWeight(Step, frozen=True, kw_only=True, tag="set_weight"):
    """Give the canary so many percent of what follows the split."""

    kind: ClassVar[str] = "set_weight"
    weight: Percent


class Bake(Step, frozen=True, kw_only=True, tag="bake"):
    """Wait; the analysis goes on meanwhile."""

    kind: ClassVar[str] = "bake"
    ms: int


class Analyse(Step, frozen=True, kw_only=True, tag="analyse"):
    """Go on when the analysis says ``pass``."""

    kind: ClassVar[str] = "analyse"


class Approve(Step, frozen=True, kw_only=True, tag="approve"):
    """Wait for somebody else than the author to approve."""

    kind: ClassVar[str] = "approve"


class SetMatch(Step, frozen=True, kw_only=True, tag="set_match"):
    """Requests that match any of these go to the canary, whatever its weight; none takes the matches away."""

    kind: ClassVar[str] = "set_match"
    matches: tuple[RouteMatch, ...]


class SetMirror(Step, frozen=True, kw_only=True, tag="set_mirror"):
    """Copy so many percent of requests to the canary; 0 ends it. ``unsafe`` copies also methods that may change
    something."""

    kind: ClassVar[str] = "set_mirror"
    percent: Annotated[float, Meta(ge=0, le=100)]
    unsafe: bool = False


class Webhook(Step, frozen=True, kw_only=True, tag="webhook"):
    """Ask an HTTP(S) address; 2xx goes on."""

    kind: ClassVar[str] = "webhook"
    url: str


class Pause(Step, frozen=True, kw_only=True, tag="pause"):
    """Wait until somebody resumes."""

    kind: ClassVar[str] = "pause"


AnyStep = SetWeight | Bake | Analyse | Approve | SetMatch | SetMirror | Webhook | Pause


# --- analysis, safety, notifications ----------------------------------------------------------------------------


class Metric(Frozen, frozen=True, kw_only=True):
    """What is measured. ``errors`` and ``latency`` compare the canary with the stable version; any other is a PromQL
    query with conditions (``analysis.conditions``), at least one of the two.

    ``failure_limit`` failed measurements are tolerated; a step passes after ``consecutive_success`` good ones in a row;
    more than ``inconclusive_limit`` inconclusive ones in a step, or than ``error_limit`` in a row that could not be
    taken (None: time alone decides), pause. ``dry_run``: it is measured and shown, and decides nothing.
    """

    name: str
    promql: str = ""
    success: str = ""
    failure: str = ""
    failure_limit: int = 0
    consecutive_success: int = 1
    inconclusive_limit: int = 0
    error_limit: int | None = None
    dry_run: bool = False

    @property
    def builtin(self) -> bool:
        """Whether it compares the two versions by the mesh's own telemetry."""
        return not self.promql


class Analysis(Frozen, frozen=True, kw_only=True):
    """``alpha`` is the chance, over the whole rollout, of failing a canary that is no worse. ``objective_ms``: a slower
    request counts as slow. ``min_requests`` the canary must have had for a pass. ``template`` is where metrics came
    from, for people to see: they are in ``metrics`` already."""

    interval_ms: int = 15_000
    alpha: float = 0.01
    objective_ms: int = 300
    min_requests: int = 200
    metrics: tuple[Metric, ...] = (Metric(name="errors"), Metric(name="latency"))
    template: str = ""


class Safety(Frozen, frozen=True, kw_only=True):
    """``step_deadline_ms``: a step that takes longer pauses the rollout. ``ack_deadline_ms``: how long proxies may take
    to acknowledge. ``warm_ms``: how long a change of traffic lasts before the step goes on; slow requests do not count
    in that time, errors do. ``post_check_ms``: how long the canary is watched at 100 %. ``dead_man_ms``: a sidecar that
    has not heard from the control plane for so long goes back to stable (None: it keeps the last weights). ``sticky``
    keeps users on their version while weights climb."""

    step_deadline_ms: int = 1_800_000
    ack_deadline_ms: int = 60_000
    warm_ms: int = 30_000
    post_check_ms: int = 300_000
    dead_man_ms: int | None = None
    sticky: Sticky | None = None


class Notify(Frozen, frozen=True, kw_only=True):
    """Who is told of what. ``target`` is a URL (webhook, slack) or an e-mail address."""

    kind: Literal["webhook", "slack", "email"]
    target: str
    on: tuple[Occasion, ...]


# --- the plan ---------------------------------------------------------------------------------------------------


class Plan(Frozen, frozen=True, kw_only=True):
    """A rollout of ``service`` from ``stable`` to ``canary``. An empty ``stable`` is the version that has all the
    weight at the start. An empty ``approvers`` lets anybody approve who may start a rollout there; the author never
    may. ``declared`` names the declaration in a repository that it came from; empty where there is none."""

    service: str
    canary: str
    stable: str = ""
    strategy: Strategy
    steps: tuple[AnyStep, ...]
    analysis: Analysis = field(default_factory=Analysis)
    on_fail: OnFail = "rollback"
    approvers: tuple[str, ...] = ()
    notify: tuple[Notify, ...] = ()
    safety: Safety = field(default_factory=Safety)
    declared: str = ""
