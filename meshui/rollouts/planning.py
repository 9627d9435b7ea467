"""From what people write to a frozen Plan, and back. Every fault is named by its path, all of them at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec
from django.conf import settings
from msgspec import UNSET

from meshui.compile.check import route_breaches
from meshui.core import outgoing
from meshui.core.errors import FieldError, InvalidInput
from meshui.mesh.values import HeaderMatch, Route, RouteMatch
from meshui.rollouts import durations
from meshui.rollouts.analysis import conditions
from meshui.rollouts.analysis.evidence import AnalysisError
from meshui.rollouts.bodies import AnalysisBody, MetricBody, Metrics, NotifyBody, PlanBody, SafetyBody, StepBody
from meshui.rollouts.metrics.prometheus import check_query
from meshui.rollouts.plan import (
    Analyse,
    Analysis,
    AnyStep,
    Approve,
    Bake,
    Metric,
    Notify,
    Pause,
    Plan,
    Safety,
    SetMatch,
    SetMirror,
    SetWeight,
    Strategy,
    Webhook,
)

MIN_MS, MAX_MS = 1_000, 30 * 86_400_000
"""Of every duration."""
BUILTIN = ("errors", "latency")
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
BAKE = Bake(ms=60_000)
PREVIEW = RouteMatch(headers=[HeaderMatch(name="x-canary", value="always")])
"""Who sees the canary of an A/B rollout that says nothing else."""

STRATEGIES: Mapping[Strategy, Sequence[AnyStep]] = {
    "canary": (
        *(step for weight in (1, 5, 10, 25, 50) for step in (SetWeight(weight=weight), BAKE, Analyse())),
        SetWeight(weight=100),
    ),
    "blue_green": (SetWeight(weight=100), BAKE),
    "ab": (SetMatch(matches=(PREVIEW,)), BAKE, Analyse()),
    "mirror": (SetMirror(percent=10), BAKE, Analyse()),
    "manual": (SetWeight(weight=10), Pause(), SetWeight(weight=50), Pause(), SetWeight(weight=100)),
}
"""The steps of a strategy when a rollout names none. After the last one, the canary is promoted."""


class Faults:
    """Collects what is wrong, so that a form can show all of it."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, path: str, code: str, detail: str) -> None:
        self.errors.append(FieldError(path, code, detail))

    def duration(self, path: str, text: str) -> int:
        """Milliseconds; 0 with a fault."""
        try:
            ms = durations.parse(text)
        except ValueError as error:
            self.add(path, "invalid", str(error))
            return 0
        if not MIN_MS <= ms <= MAX_MS:
            self.add(path, "range", f"{text} is outside {durations.spell(MIN_MS)} to {durations.spell(MAX_MS)}")
        return ms

    def url(self, path: str, url: str) -> None:
        try:
            outgoing.check(url)
        except outgoing.Refused as error:
            self.add(path, "refused", str(error))

    def checked(self, path: str, text: str, check: Callable[[str, str], object]) -> None:
        try:
            check(text, path)
        except AnalysisError as error:
            self.add(path, error.code, str(error))

    def done(self) -> None:
        """Raise InvalidInput if there is anything."""
        if self.errors:
            raise InvalidInput(self.errors[0].detail, errors=self.errors)


def plan_of(service: str, body: PlanBody, template: Iterable[Metric] = ()) -> Plan:
    """The plan of a rollout of ``service``; ``template`` has the metrics of the analysis template that the body names.

    Raises InvalidInput.
    """
    faults = Faults()
    steps = STRATEGIES[body.strategy] if body.steps is None else _steps(body.steps, faults)
    plan = Plan(
        service=service,
        canary=body.canary,
        stable=body.stable,
        strategy=body.strategy,
        steps=tuple(steps),
        analysis=_analysis(body.analysis, tuple(template), faults),
        on_fail=body.on_fail,
        approvers=tuple(body.approvers),
        notify=tuple(_notify(index, entry, faults) for index, entry in enumerate(body.notify)),
        safety=_safety(body.safety, faults),
    )
    faults.done()
    _rules(plan, faults)
    faults.done()
    return plan


def steps_of(steps: Sequence[StepBody]) -> tuple[AnyStep, ...]:
    """Steps alone, without the rules of a strategy. Raises InvalidInput."""
    faults = Faults()
    found = tuple(_steps(steps, faults))
    faults.done()
    return found


def analysis_of(body: AnalysisBody, template: Iterable[Metric] = ()) -> Analysis:
    """An analysis alone. Raises InvalidInput."""
    faults = Faults()
    found = _analysis(body, tuple(template), faults)
    faults.done()
    return found


def metrics_of(metrics: Metrics, path: str = "metrics") -> tuple[Metric, ...]:
    """The metrics of a template. Raises InvalidInput."""
    faults = Faults()
    found = _metrics(metrics, path, faults)
    faults.done()
    return found


# --- steps ------------------------------------------------------------------------------------------------------


def _steps(bodies: Sequence[StepBody], faults: Faults) -> Iterator[AnyStep]:
    for index, body in enumerate(bodies):
        path = f"steps.{index}"
        said = [name for name in body.__struct_fields__ if getattr(body, name) is not UNSET]
        if len(said) == 1:
            yield _step(said[0], getattr(body, said[0]), f"{path}.{said[0]}", faults)
        else:
            detail = f"a step says one thing, not {' and '.join(said)}" if said else "a step says one thing, not none"
            faults.add(path, "one_of", detail)


def _step(kind: str, said: Any, path: str, faults: Faults) -> AnyStep:
    match kind:
        case "set_weight":
            return SetWeight(weight=said)
        case "bake":
            return Bake(ms=faults.duration(path, said))
        case "set_match":
            for breach in route_breaches([Route(name="canary", match=match) for match in said]):
                place = breach.path.removeprefix("routes.").replace(".match", "", 1)
                faults.add(f"{path}.{place}", breach.code, breach.detail)
            return SetMatch(matches=tuple(said))
        case "set_mirror":
            return SetMirror(percent=said.percent, unsafe=said.unsafe)
        case "webhook":
            faults.url(f"{path}.url", said.url)
            return Webhook(url=said.url)
        case "analyse":
            return Analyse()
        case "approve":
            return Approve()
    return Pause()


# --- the rest ---------------------------------------------------------------------------------------------------


def _analysis(body: AnalysisBody, template: tuple[Metric, ...], faults: Faults) -> Analysis:
    own = () if body.metrics is None else _metrics(body.metrics, "analysis.metrics", faults)
    return Analysis(
        interval_ms=faults.duration("analysis.interval", body.interval),
        alpha=body.alpha,
        objective_ms=body.objective_ms,
        min_requests=body.min_requests,
        metrics=_merged(template, own) or (Analysis().metrics if body.metrics is None else ()),
        template=body.template,
    )


def _merged(template: tuple[Metric, ...], own: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """A rollout's own metric stands in for the template's of that name."""
    names = {metric.name for metric in own}
    return (*(metric for metric in template if metric.name not in names), *own)


def _metrics(bodies: Metrics, path: str, faults: Faults) -> tuple[Metric, ...]:
    found: list[Metric] = []
    for index, body in enumerate(bodies):
        metric = Metric(name=body) if isinstance(body, str) else _metric(body, f"{path}.{index}", faults)
        if any(metric.name == other.name for other in found):
            faults.add(f"{path}.{index}.name", "duplicate", f"another metric is named {metric.name}")
        found.append(metric)
    return tuple(found)


def _metric(body: MetricBody, path: str, faults: Faults) -> Metric:
    asked = bool(body.promql or body.success or body.failure)
    if body.name in BUILTIN and asked:
        faults.add(f"{path}.name", "reserved", f"{body.name} is measured by the mesh itself; name the query otherwise")
    if body.name not in BUILTIN:
        if not body.promql:
            faults.add(f"{path}.promql", "required", "a metric other than errors and latency is a PromQL query")
        if not body.success and not body.failure:
            faults.add(path, "condition", "a query needs a condition for success, for failure, or both")
    for field, check in (("promql", check_query), ("success", conditions.parse), ("failure", conditions.parse)):
        if text := getattr(body, field):
            faults.checked(f"{path}.{field}", text, check)
    return Metric(**msgspec.structs.asdict(body))


def _notify(index: int, body: NotifyBody, faults: Faults) -> Notify:
    path = f"notify.{index}.target"
    if body.kind != "email":
        faults.url(path, body.target)
    elif not EMAIL.fullmatch(body.target):
        faults.add(path, "invalid", f"{body.target!r} is no e-mail address")
    elif not settings.EMAIL_HOST:
        faults.add(path, "no_mail_server", "this control plane has no mail server: MESHUI_SMTP_URL")
    return Notify(kind=body.kind, target=body.target, on=tuple(dict.fromkeys(body.on)))


def _safety(body: SafetyBody, faults: Faults) -> Safety:
    return Safety(
        step_deadline_ms=faults.duration("safety.step_deadline", body.step_deadline),
        ack_deadline_ms=faults.duration("safety.ack_deadline", body.ack_deadline),
        warm_ms=faults.duration("safety.warm", body.warm),
        post_check_ms=faults.duration("safety.post_check", body.post_check),
        dead_man_ms=None if body.dead_man is None else faults.duration("safety.dead_man", body.dead_man),
        sticky=body.sticky,
    )


# --- rules between fields ---------------------------------------------------------------------------------------


def _rules(plan: Plan, faults: Faults) -> None:
    if plan.stable == plan.canary:
        faults.add("stable", "same_version", "the canary is to replace another version")
    _rule_of_strategy(plan, faults)
    _rule_of_traffic(plan, faults)
    if not plan.analysis.metrics and any(isinstance(step, Analyse) for step in plan.steps):
        faults.add("analysis.metrics", "required", "a step analyses, and there is no metric")
    deadline = plan.safety.step_deadline_ms
    for index, step in enumerate(plan.steps):
        if isinstance(step, Bake) and step.ms + plan.safety.warm_ms >= deadline:
            detail = f"it would not end within the step's deadline of {durations.spell(deadline)}"
            faults.add(f"steps.{index}.bake", "exceeds_deadline", detail)
    for index, entry in enumerate(plan.notify):
        if any((entry.kind, entry.target) == (other.kind, other.target) for other in plan.notify[:index]):
            faults.add(f"notify.{index}", "duplicate", f"{entry.target} stands there twice")


def _rule_of_strategy(plan: Plan, faults: Faults) -> None:
    weights = [(index, step.weight) for index, step in enumerate(plan.steps) if isinstance(step, SetWeight)]
    if plan.strategy == "canary":
        before = 0
        for index, weight in weights:
            if weight <= before:
                faults.add(f"steps.{index}.set_weight", "not_rising", f"{weight} is not above {before}")
            before = weight
    if plan.strategy == "blue_green":
        for index, weight in weights:
            if weight not in (0, 100):
                faults.add(f"steps.{index}.set_weight", "all_or_none", "blue/green switches all at once")
    if plan.strategy in ("canary", "blue_green") and (not weights or weights[-1][1] != 100):
        faults.add("steps", "incomplete", "the last weight is 100")
    wanted: Mapping[str, type[SetMatch] | type[SetMirror]] = {"ab": SetMatch, "mirror": SetMirror}
    kind = wanted.get(plan.strategy)
    if kind and not any(isinstance(step, kind) for step in plan.steps):
        faults.add("steps", "incomplete", f"the strategy {plan.strategy} has a step {kind.kind}")


def _rule_of_traffic(plan: Plan, faults: Faults) -> None:
    """What is analysed must have had a way to get requests."""
    weight, matches, mirror = 0, False, 0.0
    for index, step in enumerate(plan.steps):
        match step:
            case SetWeight():
                weight = step.weight
            case SetMatch():
                matches = bool(step.matches)
            case SetMirror():
                mirror = step.percent
            case Analyse() if not (weight or matches or mirror):
                faults.add(f"steps.{index}.analyse", "no_traffic", "nothing leads to the canary yet")


# --- back -------------------------------------------------------------------------------------------------------


def spelled(plan: Plan) -> dict[str, Any]:
    """The plan as a body says it; ``plan_of`` makes the same plan of it, and the template is part of the metrics."""
    analysis, safety = plan.analysis, plan.safety
    return {
        "service": plan.service,
        "canary": plan.canary,
        "stable": plan.stable,
        "strategy": plan.strategy,
        "steps": [spelled_step(step) for step in plan.steps],
        "analysis": {
            "interval": durations.spell(analysis.interval_ms),
            "alpha": analysis.alpha,
            "objective_ms": analysis.objective_ms,
            "min_requests": analysis.min_requests,
            "metrics": [spelled_metric(metric) for metric in analysis.metrics],
            "template": analysis.template,
        },
        "on_fail": plan.on_fail,
        "approvers": list(plan.approvers),
        "notify": [msgspec.to_builtins(entry) for entry in plan.notify],
        "safety": {
            "step_deadline": durations.spell(safety.step_deadline_ms),
            "ack_deadline": durations.spell(safety.ack_deadline_ms),
            "warm": durations.spell(safety.warm_ms),
            "post_check": durations.spell(safety.post_check_ms),
            "dead_man": None if safety.dead_man_ms is None else durations.spell(safety.dead_man_ms),
            "sticky": msgspec.to_builtins(safety.sticky),
        },
    }


def spelled_step(step: AnyStep) -> dict[str, Any]:
    match step:
        case SetWeight():
            said: Any = step.weight
        case Bake():
            said = durations.spell(step.ms)
        case SetMatch():
            said = [msgspec.to_builtins(match) for match in step.matches]
        case SetMirror():
            said = {"percent": step.percent, "unsafe": step.unsafe}
        case Webhook():
            said = {"url": step.url}
        case _:
            said = {}
    return {step.kind: said}


def spelled_metric(metric: Metric) -> str | dict[str, Any]:
    return metric.name if metric == Metric(name=metric.name) else msgspec.structs.asdict(metric)


assert set(STRATEGIES) == set(get_args(Strategy))
