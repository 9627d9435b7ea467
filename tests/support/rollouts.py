"""Rollouts of the demo's catalogue, short enough for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.demo import Demo
from tests.support.poll import until

SERVICE = "shop/catalog"
QUICK: dict[str, Any] = {
    "service": SERVICE,
    "canary": "v2",
    "strategy": "canary",
    "steps": [{"set_weight": 50}, {"bake": "5s"}, {"analyse": {}}, {"set_weight": 100}],
    "analysis": {"interval": "2s", "min_requests": 50},
    "safety": {"warm": "2s", "post_check": "3s"},
}
"""Climbs in some twenty seconds, at the demo's usual rate."""


def start(demo: Demo, **changes: Any) -> str:
    """Start a rollout of the catalogue and answer its id."""
    answer = demo.api("POST", "rollouts/", {**QUICK, "reason": "a test", **changes})
    assert answer.status == 201, answer
    return str(answer.body["id"])


def state(demo: Demo, rollout: str) -> str:
    return str(demo.api("GET", f"rollouts/{rollout}/").body["state"])


def break_canary(demo: Demo, error_rate: float) -> None:
    answer = demo.api("PUT", f"demo/{SERVICE}/v2/", {"error_rate": error_rate, "latency_ms": 0})
    assert answer.status == 200, answer


@contextmanager
def stable_catalogue(demo: Demo) -> Iterator[None]:
    """Before and after: v1 has all the traffic, v2 works, and no rollout is under way."""
    _settle(demo)
    try:
        yield
    finally:
        _settle(demo)


def _settle(demo: Demo) -> None:
    break_canary(demo, 0)
    for rollout in _active(demo):
        demo.api("POST", f"rollouts/{rollout['id']}/abort/", {"reason": "the test is over"}, If_Match="*")
    until(lambda: not _active(demo), "no rollout is under way", 30)
    demo.applied(demo.set_split(SERVICE, {"v1": 100, "v2": 0}))


def _active(demo: Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = demo.api("GET", f"rollouts/?service={SERVICE}&active=1").body["results"]
    return found
