"""What access policies decided: who may say it, and how it is summed, kept and told."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from django.test import Client

from meshui.telemetry import rollups
from meshui.telemetry.calls import observed_calls
from meshui.telemetry.fold import MAX_POLICY_RULES, Fold, Identity, Nonsense
from meshui.telemetry.frames import Frame, decode, encode, policy_key, total
from meshui.telemetry.models import PolicyRollup
from meshui.telemetry.registry import load_registry
from meshui.telemetry.tasks import drop_old_rollups
from meshui.telemetry.window import Window
from proxies.wire.reports import EdgeDelta, PolicyUse, Responses, Telemetry
from tests.meshui.telemetry.mesh import register
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db
CATALOG = "shop/catalog"
READERS = policy_key(CATALOG, "readers")


def frame(at: float, reporter: str, uses: list[PolicyUse], edges: list[EdgeDelta] | None = None) -> Frame:
    fold = Fold()
    report = Telemetry(proxy=reporter, boot=1, seq=1, at=at, edges=edges or [], policies=uses)
    fold.add(report, Identity(reporter, "v1"), load_registry())
    return fold.frame(at)


def test_rules_are_summed_and_only_the_services_own_proxies_speak_for_it() -> None:
    register()
    uses = [PolicyUse(CATALOG, "readers", 0, 3, 0), PolicyUse(CATALOG, "readers", -1, 0, 2, 1, 4, 5)]
    seen = frame(1.0, CATALOG, uses)
    assert decode(encode(seen)).policies == {READERS: (3, 2, 1, 4, 5)}
    assert total(2.0, [seen, seen]).policies == {READERS: (6, 4, 2, 8, 10)}
    assert frame(1.0, "shop/frontend", uses).policies == {}


@pytest.mark.parametrize(
    "uses",
    [
        [PolicyUse(CATALOG, "readers", 0, -1)],
        [PolicyUse(CATALOG, "readers", 0, 0, 1 << 60)],
        [PolicyUse(CATALOG, "a\tb", 0, 1)],
        [PolicyUse(CATALOG, "readers", 0, 1)] * (MAX_POLICY_RULES + 1),
    ],
)
def test_nonsense_is_refused(uses: list[PolicyUse]) -> None:
    register()
    with pytest.raises(Nonsense):
        frame(1.0, CATALOG, uses)


def test_reports_of_the_release_before_are_read() -> None:
    report = msgspec.to_builtins(Telemetry(proxy="p", boot=1, seq=1, at=0.0, edges=[]))
    assert msgspec.convert(report[: Telemetry.__struct_fields__.index("policies")], Telemetry).policies == []


def denied(count: int, *, source: str = "shop/frontend") -> EdgeDelta:
    """What the proxy of ``shop/catalog`` saw: 403 by a policy, and one by the app."""
    responses = [Responses(403, "UAEX", count), Responses(403, "", 1)]
    return EdgeDelta("destination", source, "", CATALOG, "v1", "", "http", True, responses, 0, 0, [])


def asked(count: int) -> EdgeDelta:
    responses = [Responses(200, "", count - 5), Responses(403, "", 5)]
    return EdgeDelta("source", "shop/frontend", "v1", CATALOG, "v1", "r", "http", True, responses, 0, 0, [])


def test_what_a_destination_denied_is_counted_once_beside_its_callers_account(frames: Window) -> None:
    register()
    end = float(int(time.time()))
    caller = frame(end, "shop/frontend", [], [asked(20)])
    server = frame(end, CATALOG, [], [denied(4), denied(2, source="evil/made-up"), denied(3, source="unknown")])
    frames.append(end, encode(total(end, [caller, server])))
    pairs = observed_calls(60).pairs
    known, unknown = pairs["shop/frontend", CATALOG], pairs["unknown", CATALOG]
    assert (known.requests, known.secured, known.denied) == (20, 20, 4)
    assert (unknown.requests, unknown.denied) == (2 + 1 + 3 + 1, 5), "a name that nobody has is unknown"


def ask(client: Client, **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = get(client, "policies/usage/", **query)["policies"]
    return rows


def test_usage_is_told_from_frames_and_from_rollups(frames: Window) -> None:
    register()
    end = float(int(time.time()))
    uses = [PolicyUse(CATALOG, "readers", 0, 3, 1, failed=2), PolicyUse(CATALOG, "", -1, 0, 0)]
    for ago in range(30, -1, -1):
        frames.append(end - ago, encode(frame(end - ago, CATALOG, uses)))
    viewer = client_of()
    (silent, readers) = ask(viewer, window="20s")
    assert (silent["policy"], silent["allowed"]) == ("", 0)
    assert readers == {
        "service": CATALOG,
        "policy": "readers",
        "allowed": 60,
        "denied": 20,
        "shadow_denied": 0,
        "shadow_allowed": 0,
        "failed": 40,
    }
    assert ask(viewer, window="20s", service="shop/frontend") == []
    assert ask(client_of(namespace="platform"), window="20s") == []
    start = int(end) // 10 * 10 - 1800
    for _ in range(2):
        rollups.write(start, [frame(start + n, CATALOG, uses) for n in range(1, 11)])
    (_, readers) = ask(viewer, window="1h")
    assert (readers["allowed"], readers["denied"]) == (30, 10)
    assert get(viewer, "policies/usage/", window="1h")["covered_s"] == 10


def test_old_rollups_of_policies_are_dropped() -> None:
    register()
    rollups.write(1_000_000_000, [frame(1_000_000_001, CATALOG, [PolicyUse(CATALOG, "readers", 0, 3)])])
    assert PolicyRollup.objects.count() == 1
    drop_old_rollups()
    assert not PolicyRollup.objects.exists()
