"""The topics: what each one's state is, what wakes it, and how two states differ.

A topic is a value: its name, its parameters and the namespaces that its reader may view. Equal topics are one for the
hub, however many clients follow them. ``read`` runs in a thread and may query the database; ``diff`` is pure.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from meshui.alerts.selectors import AlertView, alert_views, alerts
from meshui.catalog.api.shapes import HealthSummary, InstanceState, instance_state, service_view
from meshui.catalog.selectors import get_service_shown, instances
from meshui.core.actors import EVERYWHERE, Actor
from meshui.core.api.bodies import extended, invalid
from meshui.core.api.changes import ChangeView, change_view
from meshui.core.errors import InvalidInput, NotFound
from meshui.core.selectors import changes
from meshui.delivery import shown
from meshui.logs.api.queries import LogsFilter
from meshui.logs.selectors import LogView, found, log_view
from meshui.rollouts.selectors import get_rollout, rollouts
from meshui.rollouts.shapes import LiveRolloutDiff, LiveRolloutView, RolloutView
from meshui.rollouts.shown import event_view, rollout_view, rollout_views, with_all
from meshui.rollouts.states import TERMINAL
from meshui.taps.selectors import LiveTapView, TapRecordView, TapView, get_tap, live_tap
from meshui.taps.services import tap_watch
from meshui.taps.stream import Counts
from meshui.telemetry import selectors
from meshui.telemetry.api.queries import GraphQuery, TrafficQuery
from meshui.telemetry.edges import By
from meshui.telemetry.graph import Graph, Scope
from meshui.telemetry.window import KEPT_S

Visible = frozenset[str] | None
Wake = Literal["frame", "hint"]


class Rights(Struct, frozen=True):
    """The namespaces that somebody may view, and those whose traffic they may operate; None means all."""

    visible: Visible
    operated: Visible

    @classmethod
    def of(cls, actor: Actor) -> Rights:
        return cls(actor.visible_namespaces(), actor.namespaces("traffic.write"))


CHANGES = 50
"""Lines of the change log in its topic's state."""
EVENTS = 100
"""Events in a rollout's state."""
LINES = 100
"""Lines of the access log in one message."""
LINES_S = 300
"""How far back it is looked for them: a rare one would be looked for in all that is kept, each second."""
OPEN = ("pending", "partial")
"""States of a revision that may still change."""


class Topic(Struct, frozen=True):
    """``wake`` is what makes it read again, at the latest after ``every_s``."""

    visible: Visible

    wake: ClassVar[Wake]
    every_s: ClassVar[float]
    whole: ClassVar[bool] = False
    """Sends its whole state each time, never a diff."""

    @property
    def actor(self) -> Actor:
        """Somebody who may view these namespaces and do nothing else."""
        places = [EVERYWHERE] if self.visible is None else sorted(self.visible)
        return Actor(name="live", grants={place: frozenset({"view"}) for place in places})

    def read(self) -> Any:
        """The state now. Raises MeshError where there is none to show."""
        raise NotImplementedError

    def show(self, state: Any) -> Any:
        """The state as it is sent."""
        return state

    def diff(self, before: Any, after: Any) -> Any:
        """What turns one state into the other, or None where they are the same."""
        return None if before == after else after

    def ended(self, state: Any) -> bool:
        """Whether the state will not change any more."""
        return False


class GraphDiff(Struct, frozen=True):
    """Nodes and edges that are new or changed, whole, and the ids of those that are gone."""

    as_of: Any
    as_of_unix: float | None
    age_s: float | None
    summary: Any
    nodes: list[Any]
    edges: list[Any]
    removed_nodes: list[str]
    removed_edges: list[str]


class GraphTopic(Topic, frozen=True):
    window_s: int
    by: By
    scope: Scope

    wake = "frame"
    every_s = 5.0

    def read(self) -> Graph:
        return selectors.graph_get(window_s=self.window_s, by=self.by, scope=self.scope)

    def show(self, state: Graph) -> Raw:
        return selectors.aged(selectors.encode(state))

    def diff(self, before: Graph, after: Graph) -> GraphDiff | None:
        if before is after:
            return None
        nodes, removed_nodes = changed(before.nodes, after.nodes)
        edges, removed_edges = changed(before.edges, after.edges)
        return GraphDiff(
            as_of=after.as_of,
            as_of_unix=after.as_of_unix,
            age_s=selectors.age_s(after.as_of_unix),
            summary=after.summary,
            nodes=nodes,
            edges=edges,
            removed_nodes=removed_nodes,
            removed_edges=removed_edges,
        )


class ServiceTopic(Topic, frozen=True):
    """A service's traffic, and its entry in the registry (null for a gateway)."""

    service: str
    window_s: int

    wake = "frame"
    every_s = 5.0
    whole = True

    def read(self) -> dict[str, Any]:
        self.actor.require_visible(self.service.partition("/")[0])
        traffic = selectors.service_traffic(service=self.service, window_s=self.window_s, visible=self.visible)
        try:
            entry = service_view(get_service_shown(self.service))
        except NotFound:
            entry = None
        return {**msgspec.to_builtins(traffic), "service": entry}


class RegistryDiff(Struct, frozen=True):
    """Instances that are new or changed, whole, and the ids of those that are gone."""

    health: HealthSummary
    changed: list[InstanceState]
    removed: list[str]


class RegistryState(Struct, frozen=True):
    """A service's instances by id, and how they are altogether."""

    health: HealthSummary
    instances: list[InstanceState]


class RegistryTopic(Topic, frozen=True):
    """Who is registered for a service and how well they are: what a watch is for, without traffic or heartbeats."""

    service: str

    wake = "hint"
    every_s = 1.0

    def read(self) -> RegistryState:
        self.actor.require_visible(self.service.partition("/")[0])
        service = get_service_shown(self.service)
        rows = instances(service).order_by("pk")
        return RegistryState(health=service_view(service).health, instances=[instance_state(row) for row in rows])

    def diff(self, before: RegistryState, after: RegistryState) -> RegistryDiff | None:
        new, removed = changed(before.instances, after.instances)
        return RegistryDiff(after.health, new, removed) if new or removed else None


class ProxiesTopic(Topic, frozen=True):
    wake = "hint"
    every_s = 2.0

    def read(self) -> list[shown.ProxyView]:
        return shown.proxy_views(list(shown.proxies(self.actor).order_by("id")))

    def diff(self, before: list[shown.ProxyView], after: list[shown.ProxyView]) -> dict[str, Any] | None:
        new, removed = changed(before, after)
        return {"changed": new, "removed": removed} if new or removed else None


class ChangesTopic(Topic, frozen=True):
    wake = "hint"
    every_s = 2.0

    def read(self) -> list[ChangeView]:
        return [change_view(row) for row in changes(self.actor).order_by("-id")[:CHANGES]]

    def diff(self, before: list[ChangeView], after: list[ChangeView]) -> dict[str, Any] | None:
        newest = before[0].id if before else 0
        new = [change for change in after if change.id > newest]
        return {"changes": new} if new else None


class RevisionTopic(Topic, frozen=True):
    number: int

    wake = "hint"
    every_s = 1.0
    whole = True

    def read(self) -> shown.RevisionDetailView:
        actor = self.actor
        return shown.revision_detail(actor, shown.get_revision(actor, self.number))

    def ended(self, state: shown.RevisionDetailView) -> bool:
        return state.state not in OPEN


class RolloutTopic(Topic, frozen=True):
    """One rollout and its story. Its own sequence is that of its events, which a client may also ask ``events/`` for;
    ``may`` in it says what somebody may do, since one message goes to all."""

    number: int

    wake = "hint"
    every_s = 1.0

    def read(self) -> LiveRolloutView:
        row = get_rollout(self.actor, self.number)
        newest = list(row.events.order_by("-seq")[:EVENTS])
        return extended(LiveRolloutView, rollout_view(row, None), events=[event_view(e) for e in reversed(newest)])

    def diff(self, before: LiveRolloutView, after: LiveRolloutView) -> LiveRolloutDiff | None:
        if before == after:
            return None
        seen = before.events[-1].seq if before.events else 0
        plain = {name: getattr(after, name) for name in RolloutView.__struct_fields__}
        return LiveRolloutDiff(
            rollout=RolloutView(**plain), events=[event for event in after.events if event.seq > seen]
        )

    def ended(self, state: LiveRolloutView) -> bool:
        return state.state in TERMINAL


class RolloutsTopic(Topic, frozen=True):
    """The rollouts under way."""

    wake = "hint"
    every_s = 2.0

    def read(self) -> list[RolloutView]:
        return rollout_views(list(with_all(rollouts(self.actor, active=True)).order_by("-pk")), None)

    def diff(self, before: list[RolloutView], after: list[RolloutView]) -> dict[str, Any] | None:
        new, removed = changed(before, after)
        return {"changed": new, "removed": removed} if new or removed else None


class AlertsTopic(Topic, frozen=True):
    """The alerts that fire."""

    wake = "hint"
    every_s = 2.0

    def read(self) -> list[AlertView]:
        return alert_views(alerts(self.actor).order_by("pk"))

    def diff(self, before: list[AlertView], after: list[AlertView]) -> dict[str, Any] | None:
        new, removed = changed(before, after)
        return {"changed": new, "removed": removed} if new or removed else None


class LogsState(Struct, frozen=True):
    """The newest lines of the last minutes, the newest first."""

    logs: list[LogView]


class LogsDiff(Struct, frozen=True):
    """New lines, the newest first. ``skipped``: there were more than one message has."""

    logs: list[LogView]
    skipped: bool


class LogsTopic(Topic, frozen=True):
    """The access log as it grows, of what a search finds."""

    wanted: LogsFilter

    wake = "frame"
    every_s = 2.0

    def read(self) -> LogsState:
        asked = self.wanted.wanted(since=time.time() - LINES_S)
        rows = found(asked, self.visible).order_by("-pk")[:LINES]
        return LogsState([log_view(row, self.visible) for row in rows])

    def diff(self, before: LogsState, after: LogsState) -> LogsDiff | None:
        known = {line.id for line in before.logs}
        new = [line for line in after.logs if line.id not in known]
        return LogsDiff(new, skipped=len(new) == LINES) if new else None


class TapDiff(Struct, frozen=True):
    """The tap and its counts as they are, and the records that are new."""

    tap: TapView
    counts: Counts
    records: list[TapRecordView]


class TapTopic(Topic, frozen=True):
    """A tap's records. Reading is watching: it keeps the tap alive."""

    tap: int
    operated: Visible

    wake = "frame"
    every_s = 0.5

    @property
    def actor(self) -> Actor:
        everywhere = {EVERYWHERE} if self.operated is None else self.operated
        return Actor(name="live", grants={place: frozenset({"traffic.write"}) for place in everywhere})

    def read(self) -> LiveTapView:
        row = get_tap(self.actor, self.tap)
        tap_watch(row)
        return live_tap(row, self.visible)

    def diff(self, before: LiveTapView, after: LiveTapView) -> TapDiff | None:
        if before == after:
            return None
        seen = before.records[-1].n if before.records else 0
        return TapDiff(after.tap, after.counts, [record for record in after.records if record.n > seen])

    def ended(self, state: LiveTapView) -> bool:
        return state.tap.state != "active"


class InfoTopic(Topic, frozen=True):
    wake = "hint"
    every_s = 2.0
    whole = True

    def read(self) -> shown.InfoView:
        return shown.info()


PLAIN: Mapping[str, type[Topic]] = {
    "proxies": ProxiesTopic,
    "changes": ChangesTopic,
    "info": InfoTopic,
    "rollouts": RolloutsTopic,
    "alerts": AlertsTopic,
}
NUMBERED: Mapping[str, type[RevisionTopic] | type[RolloutTopic]] = {
    "revision": RevisionTopic,
    "rollout": RolloutTopic,
}


def parse(name: str, params: Mapping[str, Any], rights: Rights) -> Topic:
    """The topic that a client names. Raises InvalidInput."""
    visible = rights.visible
    kind, _, argument = name.partition(":")
    if kind == "graph" and not argument:
        return _graph(_params(params, GraphQuery), visible)
    if kind == "service" and argument:
        window_s = _params(params, TrafficQuery).window_s
        return ServiceTopic(visible=visible, service=argument, window_s=window_s)
    if name == "logs":
        return LogsTopic(visible=visible, wanted=_params(params, LogsFilter))
    if params:
        raise InvalidInput.field("params", "unknown_field", f"{kind} takes no parameters")
    if argument.isascii() and argument.isdigit() and len(argument) < 19:
        if kind in NUMBERED:
            return NUMBERED[kind](visible=visible, number=int(argument))
        if kind == "tap":
            return TapTopic(visible=visible, operated=rights.operated, tap=int(argument))
    if kind == "registry" and argument:
        return RegistryTopic(visible=visible, service=argument)
    if name in PLAIN:
        return PLAIN[name](visible=visible)
    raise InvalidInput.field("subscribe", "unknown_topic", f"no topic {name}")


P = TypeVar("P")


def _params(params: Mapping[str, Any], kind: type[P]) -> P:
    """Parameters are what a query string would say; null is as if left out."""
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error) from None


def _graph(asked: GraphQuery, visible: Visible) -> GraphTopic:
    if asked.at:
        raise InvalidInput.field("params.at", "invalid", "the past is not live; ask graph/ for it")
    if asked.window_s > KEPT_S:
        raise InvalidInput.field("params.window", "out_of_range", f"expected 1 to {KEPT_S} seconds")
    scope = Scope(visible=visible, namespace=asked.namespace, focus=asked.focus, hops=asked.hops)
    return GraphTopic(visible=visible, window_s=asked.window_s, by=asked.by, scope=scope)


T = TypeVar("T")


def changed(before: Sequence[T], after: Sequence[T]) -> tuple[list[T], list[str]]:
    """Items with an ``id`` that are new or other than before, and the ids of those that are gone."""
    old = {_id(item): item for item in before}
    new = [item for item in after if old.pop(_id(item), None) != item]
    return new, list(old)


def _id(item: Any) -> str:
    return str(item.id)
