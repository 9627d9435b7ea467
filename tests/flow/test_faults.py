"""kill -9 of the control plane, piece by piece, while a client counts: not one request may fail because of it."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.demo import Client, Demo, walk
from tests.support.poll import until

CATALOG = "shop/catalog"


@pytest.mark.parametrize("victim", ["web", "worker", "beat", "collector", "valkey", "postgres"])
def test_no_request_fails_when_it_is_killed(demo: Demo, victim: str) -> None:
    until(demo.web_ready, "the control plane is whole")
    start = 30 if demo.api("GET", f"services/{CATALOG}/split/").body["weights"]["v2"] != 30 else 60
    demo.applied(demo.set_split(CATALOG, {"v1": 100 - start, "v2": start}))
    with Client(demo).running() as client:
        until(lambda: client.total > 20, "traffic before the kill")
        demo.kill(victim)
        # Weights change while the piece is away or on its way back; a change that was not taken is no failure.
        with contextlib.suppress(OSError, AssertionError, KeyError):
            demo.set_split(CATALOG, {"v1": 50, "v2": 50})
        until(demo.web_ready, "the control plane is whole again", 60)
        revision = demo.set_split(CATALOG, {"v1": 0, "v2": 100})
        demo.applied(revision, 60)
        seen = client.total
        until(lambda: client.total > seen + 40, "traffic after the recovery")
    assert client.failures == []
    # One committed revision serves: every answer is from v2 now.
    for _ in range(30):
        versions = {c["version"] for c in walk(demo.get().body) if c["service"] == CATALOG}
        assert versions == {"v2"}


def test_a_killed_process_is_restarted_and_said_so_in_one_line(demo: Demo) -> None:
    before = len(demo.output)
    demo.kill("beat")
    until(lambda: [line for line in demo.output[before:] if "beat" in line], "the demo says so")
    assert len([line for line in demo.output[before:] if "beat" in line]) == 1
