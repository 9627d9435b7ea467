"""Limits that proxies keep together: the model that the server follows, what is asked, what an answer means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.actions import Answer, Means, compile_choice
from proxies.core.errors import BadMessage
from proxies.core.gcra import rate_of, take
from proxies.core.limits import Gates, limit_flaws
from proxies.core.shared import Question, Then, Undecided, Verdict
from proxies.core.usage import Uses
from proxies.wire import resources as wire
from proxies.wire.reports import LimitUse
from proxies.wire.routing import RateLimit, Route, WeightedVersion
from tests.proxies.core.requests import Stranger, request

ONE = [WeightedVersion(version="v1", weight=1)]


class Counts:
    """Keeps what is asked, and answers what the test says."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.verdict = verdict
        self.asked: list[Sequence[str]] = []

    def ask(self, question: Question, then: Then) -> None:
        self.asked.append(question.places)
        then(self.verdict)


def route(*limits: dict[str, Any], **fields: Any) -> Route:
    shared = [{"requests": 1, "scope": "global", **limit} for limit in limits]
    return msgspec.convert({"name": "r", "limits": shared, **fields}, Route)


def meet(wanted: Route, counts: Counts, uses: Uses | None = None, peer: bytes = b"a") -> str | None:
    """What a request meets: the version it goes to. Raises Answer."""
    gate = Gates(lambda: 0.0, uses, counts).gate("shop/catalog", wanted.name, wanted.limits)
    choose = compile_choice(wanted, ONE, str, lambda v, _: v, Means(lambda: 0.0, bytes), gate)
    found: list[Any] = []
    with pytest.raises(Undecided) as held:
        choose(request("/", "x-key: 1"), Stranger(peer))
    held.value.ask(lambda verdict: found.append(verdict))
    version: str | None = held.value.go(found[0])
    return version


@given(st.integers(1, 1000), st.integers(1, 10_000), st.integers(0, 50), st.lists(st.floats(0, 5000), max_size=200))
def test_the_model_passes_burst_and_rate_and_no_more(
    requests: int, per_ms: int, burst: int, steps: list[float]
) -> None:
    limit = RateLimit(name="a", requests=requests, per_ms=per_ms, burst=burst)
    rate = rate_of(limit, 1)
    now = full_at = 0.0
    passed = 0
    for step in steps:
        now += step
        wait, full_at = take(full_at, now, rate)
        passed += wait == 0
        assert full_at <= now + rate.room + rate.period + 1e-6
        if wait:
            assert take(full_at, now + wait, rate)[0] == 0, "after the wait there is room"
    assert passed <= (burst or requests) + now * requests / per_ms + 0.001


def test_processes_share_a_rate_and_keep_a_token_each() -> None:
    assert rate_of(RateLimit(name="a", requests=8), 1, processes=4) == (500.0, 500.0)
    assert rate_of(RateLimit(name="a", requests=8, burst=1), 1, processes=4) == (500.0, 0.0)


def test_it_asks_for_all_global_limits_at_once_by_service_route_and_key() -> None:
    counts = Counts(Verdict())
    limits = ({"name": "all"}, {"name": "each", "by": ["source", "header:x-key"]})
    for peer in (b"a", b"b", b"a"):
        assert meet(route(*limits), counts, peer=peer) == "v1"
    (all_a, a), (all_b, b), again = counts.asked
    assert all_a == all_b
    assert a != b
    assert again == [all_a, a]
    assert all_a.startswith("mesh:limit:out:shop/catalog:r:all:")
    assert len(a.rpartition(":")[2]) == 24, "a digest, whatever the key"


def test_what_is_over_is_told_as_a_local_limit_would_be() -> None:
    uses = Uses()
    wanted = route({"name": "a"}, {"name": "b", "requests": 7})
    with pytest.raises(Answer) as over:
        meet(wanted, Counts(Verdict(over=1, wait_s=1.2)), uses)
    assert (over.value.status, over.value.flag) == (429, "RL")
    assert over.value.lines[:2] == [b"retry-after: 2", b"ratelimit-limit: 7"]
    assert uses.collect() == [LimitUse("shop/catalog", "r", "b", 0, 1)], "nothing was taken of the first"


@pytest.mark.parametrize(("on_error", "status"), [(("allow", "allow"), 0), (("allow", "deny"), 503)])
def test_without_an_answer_each_limit_says_what_happens(on_error: tuple[str, str], status: int) -> None:
    uses = Uses()
    wanted = route({"name": "a", "on_error": on_error[0]}, {"name": "b", "on_error": on_error[1]})
    if not status:
        assert meet(wanted, Counts(None), uses) == "v1"
        assert sum(use.allowed for use in uses.collect()) == 2
        return
    with pytest.raises(Answer) as denied:
        meet(wanted, Counts(None), uses)
    assert (denied.value.status, denied.value.flag) == (status, "RLSE")
    assert uses.collect() == [LimitUse("shop/catalog", "r", "b", 0, 1)]


def test_a_local_limit_turns_away_before_anybody_is_asked() -> None:
    counts = Counts(Verdict())
    limits = [RateLimit(name="here", requests=1), RateLimit(name="there", requests=5, scope="global")]
    gate = Gates(lambda: 0.0, None, counts).gate("shop/catalog", "r", limits)
    choose = compile_choice(Route(name="r"), ONE, str, lambda v, _: v, Means(lambda: 0.0, bytes), gate)
    with pytest.raises(Undecided):
        choose(request("/"), Stranger(b"a"))
    with pytest.raises(Answer):
        choose(request("/"), Stranger(b"a"))
    assert gate.judge is not None


def test_a_redirect_is_asked_about_too() -> None:
    counts = Counts(Verdict())
    with pytest.raises(Answer) as answer:
        meet(route({"name": "a"}, redirect={"path": "/b"}), counts)
    assert (answer.value.status, len(counts.asked)) == (302, 1)


def test_nobody_to_ask_is_a_refusal() -> None:
    with pytest.raises(BadMessage, match="limit a is global"):
        Gates(lambda: 0.0).gate("shop/catalog", "", [RateLimit(name="a", requests=1, scope="global")])


def test_a_local_limit_with_an_error_policy_is_a_flaw() -> None:
    (flaw,) = limit_flaws([RateLimit(name="a", requests=1, on_error="deny")])
    assert (flaw.path, flaw.code) == ("0.on_error", "unused")


def test_a_body_with_a_global_limit_requires_a_reader_that_knows_them() -> None:
    here, there = RateLimit(name="a", requests=1), RateLimit(name="b", requests=1, scope="global")

    def called(limit: RateLimit) -> wire.ServiceBody:
        return wire.ServiceBody(
            hosts=["h"], versions=["v1"], split=ONE, routes=[Route(name="x"), Route(name="r", limits=[here, limit])]
        )

    assert wire.required_schema(called(here)) == wire.required_schema(wire.InboundBody(limits=[here])) == 1
    assert wire.required_schema(called(there)) == wire.required_schema(wire.InboundBody(limits=[there])) == 3
