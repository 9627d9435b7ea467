"""Diffs applied to stale state give the fresh state."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from meshui.live.topics import GraphTopic, changed
from meshui.telemetry.fold import Fold, Identity, Registry
from meshui.telemetry.frames import encode
from meshui.telemetry.graph import Graph, Scope, build, scoped
from meshui.telemetry.registry import ServiceState, VersionState
from meshui.telemetry.window import Window
from proxies.wire.reports import Telemetry
from tests.meshui.telemetry.mesh import call

NAMES = ("shop/a", "shop/b", "shop/c", "shop/d")
REGISTRY = Registry(services={name: frozenset({"v1"}) for name in NAMES})
TOPIC = GraphTopic(visible=None, window_s=3, by="service", scope=Scope())

traffic = st.lists(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 30), st.integers(0, 30)), max_size=5
    ),
    min_size=1,
    max_size=10,
)


def graphs(seconds: list[list[tuple[str, str, int, int]]]) -> list[Graph]:
    """The graph after each second; services come to be known one by one."""
    window, found = Window(), []
    for number, calls in enumerate(seconds):
        fold = Fold()
        for index, (source, target, good, bad) in enumerate(calls):
            edge = call(target, codes={200: good, 500: bad})
            report = Telemetry(proxy=source, boot=1, seq=index, at=0, edges=[edge])
            fold.add(report, Identity(source, "v1"), REGISTRY)
        window.append(1000.0 + number, encode(fold.frame(1000.0 + number)))
        known = {name: ServiceState(False, {"v1": VersionState(1, 1)}) for name in NAMES[: number % 5]}
        found.append(scoped(build(window.view(3), 3, "service", known), Scope()))
    return found


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@settings(max_examples=60, deadline=None)
@given(traffic)
def test_diffs_applied_to_a_stale_graph_give_the_fresh_one(seconds: list[list[tuple[str, str, int, int]]]) -> None:
    states = graphs(seconds)
    shown = plain(states[0])
    for before, after in pairwise(states):
        diff = plain(TOPIC.diff(before, after))
        for kind in ("nodes", "edges"):
            items = {item["id"]: item for item in shown[kind]}
            for gone in diff[f"removed_{kind}"]:
                del items[gone]
            items |= {item["id"]: item for item in diff[kind]}
            shown[kind] = list(items.values())
        shown["summary"] = diff["summary"]
        fresh = plain(after)
        for kind in ("nodes", "edges"):
            assert sorted(shown[kind], key=lambda item: item["id"]) == sorted(fresh[kind], key=lambda item: item["id"])
        assert shown["summary"] == fresh["summary"]


def test_the_same_state_is_no_diff() -> None:
    (state,) = graphs([[("shop/a", "shop/b", 1, 0)]])
    assert TOPIC.diff(state, state) is None
    assert changed(state.nodes, state.nodes) == ([], [])
