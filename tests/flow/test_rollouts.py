"""Rollouts with real processes and traffic: rolled back by themselves, promoted, and whole whatever dies meanwhile."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest

from tests.support.demo import Client, Demo, walk
from tests.support.poll import until

CATALOG = "shop/catalog"
TERMINAL = ("succeeded", "rolled_back")
ANALYSIS = {"interval": "1s", "min_requests": 20}
SAFETY = {"warm": "1s", "post_check": "1s", "ack_deadline": "30s"}
CLIMB = [
    {"set_weight": 20},
    {"bake": "2s"},
    {"analyse": {}},
    {"set_weight": 50},
    {"bake": "2s"},
    {"set_weight": 100},
]


class Watched:
    """A rollout of ``shop/catalog`` v2, seen through the API."""

    def __init__(self, demo: Demo, steps: list[dict[str, Any]], **more: Any) -> None:
        self.demo = demo
        body = {"service": CATALOG, "canary": "v2", "stable": "v1", "strategy": "manual", "steps": steps}
        body |= {"analysis": ANALYSIS, "safety": SAFETY, "reason": "flow test", **more}
        answer = demo.api("POST", "rollouts/", body)
        assert answer.status == 201, answer
        self.id = answer.body["id"]

    def view(self) -> dict[str, Any]:
        answer = self.demo.api("GET", f"rollouts/{self.id}/")
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        return found

    def reach(self, state: str, timeout_s: float = 60) -> dict[str, Any]:
        """Wait for the state; a process of the control plane may be away meanwhile."""
        seen: list[dict[str, Any]] = []

        def there() -> bool:
            with suppress(OSError, AssertionError, http.client.HTTPException, KeyError, TypeError):
                seen.append(self.view())
                return bool(seen[-1]["state"] == state)
            return False

        try:
            until(there, f"rollout {self.id} is {state}", timeout_s, every_s=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen[-1:]}") from None
        return seen[-1]

    def applied(self) -> list[dict[str, int]]:
        """The weights of each revision that it committed, in their order."""
        events = self.demo.api("GET", f"rollouts/{self.id}/events/?page_size=200").body["results"]
        return [event["data"]["weights"] for event in events if event["kind"] == "applied"]


@pytest.fixture
def fresh(demo: Demo) -> Iterator[Demo]:
    """Everything on v1, v2 in good order, no rollout under way."""
    until(demo.web_ready, "the control plane is whole", 60)
    for rollout in demo.api("GET", "rollouts/?active=true").body["results"]:
        path = f"rollouts/{rollout['id']}/"
        demo.api("POST", f"{path}abort/", {"force": True}, If_Match=demo.api("GET", path).headers["etag"])
        until(lambda path=path: demo.api("GET", path).body["state"] in TERMINAL, "the last rollout is over")  # type: ignore[misc]
    break_v2(demo, 0.0)
    demo.applied(demo.set_split(CATALOG, {"v1": 100, "v2": 0}), 60)
    yield demo
    break_v2(demo, 0.0)


def break_v2(demo: Demo, error_rate: float) -> None:
    path = f"demo/{CATALOG}/v2/"
    answer = demo.api("PUT", path, {"error_rate": error_rate, "latency_ms": 0})
    assert answer.status == 200, answer


def versions(demo: Demo, requests: int) -> set[str]:
    """Of the catalog, as so many requests from outside meet it."""
    found = set()
    for _ in range(requests):
        found |= {str(call.get("version")) for call in walk(demo.get().body) if call["service"] == CATALOG}
    return found


@contextmanager
def watched_split(demo: Demo) -> Iterator[list[tuple[int, int]]]:
    """Every split that the control plane has shown meanwhile, each once in a row."""
    stop, seen = threading.Event(), list[tuple[int, int]]()

    def watch() -> None:
        while not stop.wait(0.1):
            with suppress(OSError, http.client.HTTPException, KeyError, TypeError):
                weights = demo.api("GET", f"services/{CATALOG}/split/").body["weights"]
                if not seen or seen[-1] != (weights["v1"], weights["v2"]):
                    seen.append((weights["v1"], weights["v2"]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def test_a_canary_that_breaks_is_rolled_back_by_itself(fresh: Demo) -> None:
    rollout = Watched(fresh, [{"set_weight": 20}, {"bake": "5m"}, {"set_weight": 100}])
    with Client(fresh).running():
        until(lambda: rollout.view()["step_index"] == 1, "it bakes")
        assert "v2" in versions(fresh, 60)
        break_v2(fresh, 1.0)
        view = rollout.reach("rolled_back")
        assert view["verdict"]["kind"] == "fail"
        assert view["verdict"]["metric"] in view["reason"] or "%" in view["reason"] or "failed" in view["reason"]
        # It would answer again, and say so: not one new request reaches it after the last acknowledgement.
        break_v2(fresh, 0.0)
        assert versions(fresh, 200) == {"v1"}
    assert rollout.applied() == [{"v1": 100}, {"v1": 80, "v2": 20}, {"v1": 100}]


def test_a_good_canary_is_promoted_without_a_failed_request(fresh: Demo) -> None:
    with Client(fresh).running() as client:
        rollout = Watched(fresh, CLIMB)
        rollout.reach("succeeded")
        assert versions(fresh, 60) == {"v2"}
    assert client.failures == []
    assert rollout.applied() == [{"v1": 100}, {"v1": 80, "v2": 20}, {"v1": 50, "v2": 50}, {"v2": 100}]
    assert fresh.set_split(CATALOG, {"v1": 100, "v2": 0})  # the team's again


@pytest.mark.parametrize("victim", ["worker", "beat", "web", "valkey", "postgres"])
def test_whatever_is_killed_in_the_middle_weights_are_a_committed_revision_and_it_ends(
    fresh: Demo, victim: str
) -> None:
    with Client(fresh).running() as client, watched_split(fresh) as seen:
        rollout = Watched(fresh, CLIMB)
        until(lambda: rollout.view()["step_index"] >= 1, "it is under way")
        fresh.kill(victim)
        rollout.reach("succeeded", 90)
        until(lambda: seen[-1] == (0, 100), "the last split is seen")
    assert client.failures == []
    assert seen in ([(100, 0), (80, 20), (50, 50), (0, 100)], [(80, 20), (50, 50), (0, 100)])
    assert rollout.applied() == [{"v1": 100}, {"v1": 80, "v2": 20}, {"v1": 50, "v2": 50}, {"v2": 100}]


@contextmanager
def second_worker(demo: Demo) -> Iterator[None]:
    """One more worker beside the demo's own."""
    [first] = demo.processes("worker")
    process = subprocess.Popen(
        first.cmdline(), env=first.environ(), cwd=first.cwd(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_a_worker_that_hangs_for_longer_than_its_lease_does_nothing_when_it_wakes(fresh: Demo) -> None:
    [hanging] = fresh.processes("worker")
    with second_worker(fresh), watched_split(fresh) as seen:
        rollout = Watched(fresh, CLIMB)
        until(lambda: rollout.view()["step_index"] >= 1, "it is under way")
        os.kill(hanging.pid, signal.SIGSTOP)
        try:
            rollout.reach("succeeded", 60)
        finally:
            os.kill(hanging.pid, signal.SIGCONT)
        until(lambda: psutil.Process(hanging.pid).status() != psutil.STATUS_STOPPED, "it is awake")
        # What it had under way is done or dropped once it takes part again: it alone is left to do the next rollout.
        until(lambda: seen[-1] == (0, 100), "the last split is seen")
    assert rollout.applied() == [{"v1": 100}, {"v1": 80, "v2": 20}, {"v1": 50, "v2": 50}, {"v2": 100}]
    assert rollout.view()["state"] == "succeeded"
    undone = fresh.api("POST", f"services/{CATALOG}/undo/", {"reason": "the one that woke does it"})
    assert undone.status == 201, undone
    until(lambda: fresh.api("GET", f"rollouts/{undone.body['id']}/").body["state"] == "succeeded", "it is undone", 60)
    assert fresh.api("GET", f"services/{CATALOG}/split/").body["weights"] == {"v1": 100, "v2": 0}
    assert rollout.applied()[-1] == {"v2": 100}
