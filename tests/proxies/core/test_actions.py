"""What routes do with requests: rewrites, redirects, edits, faults, limits, stickiness; and what is refused of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.actions import Answer, Choice, Means, compile_choice, compile_delay, compile_mirrored
from proxies.core.edits import compile_ops
from proxies.core.head import RequestHead
from proxies.core.limits import MAX_KEYS, Bucket, Gates
from proxies.core.rewrite import compile_redirect, compile_rewrite
from proxies.core.routes import route_flaws
from proxies.core.split import compile_sticky
from proxies.wire.routing import HeaderOps, RateLimit, Route, WeightedVersion
from tests.proxies.core.requests import Stranger, request

HALF = [WeightedVersion(version="v1", weight=50), WeightedVersion(version="v2", weight=50)]
PREFIX = {"path": {"kind": "prefix", "value": "/api"}}


def route(**fields: Any) -> Route:
    return msgspec.convert({"name": "r", **fields}, Route)


def choice(wanted: Route, *, rng: Callable[[], float] = lambda: 0.0) -> Choice[str]:
    ids = count()
    means = Means(rng, lambda: b"id-%d" % next(ids))
    gate = Gates(lambda: 0.0).gate("shop/catalog", wanted.name, wanted.limits)
    split = wanted.split or HALF
    return compile_choice(wanted, split, lambda v: v, lambda v, line: f"{v} {line.decode()}", means, gate)


# --- rewrite and redirect


@pytest.mark.parametrize(
    ("match", "rewrite", "asked", "forwarded"),
    [
        ({}, {"path": "/new"}, "/a/b?c=1", "/new?c=1"),
        (PREFIX, {"prefix": "/v2"}, "/api/x?y", "/v2/x?y"),
        (PREFIX, {"prefix": "/v2"}, "/api", "/v2"),
        (PREFIX, {"prefix": "/v2/"}, "/api", "/v2/"),
        (PREFIX, {"prefix": "/v2/"}, "/api/x", "/v2/x"),
        (PREFIX, {"prefix": "/"}, "/api", "/"),
        (PREFIX, {"prefix": "/"}, "/api/", "/"),
        (PREFIX, {"prefix": "/"}, "/api/x", "/x"),
        ({"path": {"kind": "prefix", "value": "/"}}, {"prefix": "/v2"}, "/x", "/v2/x"),
        ({"path": {"kind": "prefix", "value": "/"}}, {"prefix": "/v2"}, "/", "/v2/"),
        ({}, {"regex": "/items/([0-9]+)", "substitution": r"/i/\1"}, "/items/7/x?q", "/i/7/x?q"),
        ({}, {"regex": "a", "substitution": "b"}, "/a/aa", "/b/bb"),
        ({}, {"regex": "^/", "substitution": ""}, "/a", "/a"),
        ({}, {"regex": "x", "substitution": ".."}, "/a/x/b", "/b"),
        ({}, {"host": "new.example:81"}, "/a?b", "/a?b"),
    ],
)
def test_rewrites(match: dict[str, Any], rewrite: dict[str, Any], asked: str, forwarded: str) -> None:
    wanted = route(match=match, rewrite=rewrite)
    assert not list(route_flaws(wanted))
    assert wanted.rewrite is not None
    head = request(asked, "x: 1")
    asked_path = head.path
    compile_rewrite(wanted.rewrite, wanted.match)(head)
    assert head.lines[0] == f"GET {forwarded} HTTP/1.1".encode()
    assert head.path == asked_path
    assert head.lines[1:] == [f"host: {rewrite.get('host', 'a')}".encode(), b"x: 1"]


@pytest.mark.parametrize(
    ("redirect", "host", "secured", "location"),
    [
        ({"scheme": "https"}, "a:8080", False, "https://a/api/x?y=1"),
        ({"scheme": "https", "port": 8443}, "a", False, "https://a:8443/api/x?y=1"),
        ({"scheme": "https", "port": 443}, "a", False, "https://a/api/x?y=1"),
        ({"path": "/b"}, "a:8080", False, "http://a:8080/b?y=1"),
        ({"prefix": "/v2"}, "a", True, "https://a/v2/x?y=1"),
        ({"host": "b", "strip_query": True}, "a:8080", False, "http://b/api/x"),
    ],
)
def test_redirects(redirect: dict[str, Any], host: str, secured: bool, location: str) -> None:
    wanted = route(match=PREFIX, redirect=redirect)
    assert not list(route_flaws(wanted))
    assert wanted.redirect is not None
    head = request("/api/x?y=1")
    head.host, _, port = host.encode().partition(b":")
    head.port = int(port) if port else None
    assert compile_redirect(wanted.redirect, wanted.match)(head, secured) == location.encode()


# --- header operations


def test_operations_remove_then_set_then_add() -> None:
    edit = compile_ops(
        HeaderOps(remove=["gone"], set={"x": "new"}, add={"x": "more"}), None, HeaderOps(set={"y": ""}), HeaderOps()
    )
    assert edit is not None
    lines = [b"GET / HTTP/1.1", b"X: old", b"Gone: 1", b"host: a"]
    edit(lines)
    assert lines == [b"GET / HTTP/1.1", b"host: a", b"x: new", b"x: more", b"y: "]
    assert compile_ops(None, HeaderOps()) is None


# --- what is wrong


@pytest.mark.parametrize(
    ("fields", "place", "code"),
    [
        ({"redirect": {}}, "redirect.path", "required"),
        ({"redirect": {"path": "/a", "prefix": "/b"}, "match": PREFIX}, "redirect.prefix", "conflict"),
        ({"redirect": {"prefix": "/b"}}, "redirect.prefix", "conflict"),
        ({"redirect": {"path": "b"}}, "redirect.path", "invalid"),
        ({"redirect": {"host": "a b"}}, "redirect.host", "invalid"),
        ({"redirect": {"path": "/"}, "direct": {"status": 200}}, "direct", "conflict"),
        ({"redirect": {"path": "/"}, "rewrite": {"path": "/"}}, "rewrite", "conflict"),
        ({"direct": {"status": 200}, "split": [{"version": "v1", "weight": 1}]}, "split", "conflict"),
        ({"direct": {"status": 200}, "mirror": {"version": "v1"}}, "mirror", "conflict"),
        ({"direct": {"status": 200}, "sticky": {"kind": "source"}}, "sticky", "conflict"),
        ({"direct": {"status": 200}, "request_headers": {"remove": ["a"]}}, "request_headers", "conflict"),
        ({"direct": {"status": 204, "body": "x"}}, "direct.body", "unused"),
        ({"rewrite": {}}, "rewrite.path", "required"),
        ({"rewrite": {"path": "/a", "regex": "b"}}, "rewrite.regex", "conflict"),
        ({"rewrite": {"prefix": "/a"}, "match": {"methods": ["GET"]}}, "rewrite.prefix", "conflict"),
        ({"rewrite": {"path": "/a%2Fb"}}, "rewrite.path", "invalid"),
        ({"rewrite": {"regex": "("}}, "rewrite.regex", "invalid"),
        ({"rewrite": {"regex": "(a)", "substitution": r"\2"}}, "rewrite.substitution", "invalid"),
        ({"rewrite": {"regex": "a", "substitution": "b c"}}, "rewrite.substitution", "invalid"),
        ({"rewrite": {"regex": "a", "substitution": "?b"}}, "rewrite.substitution", "invalid"),
        ({"rewrite": {"regex": "a", "substitution": "%2F"}}, "rewrite.substitution", "invalid"),
        ({"rewrite": {"path": "/", "substitution": "b"}}, "rewrite.substitution", "unused"),
        ({"rewrite": {"host": "a/b"}}, "rewrite.host", "invalid"),
        ({"request_headers": {"set": {"host": "b"}}}, "request_headers.set.host", "forbidden"),
        ({"request_headers": {"add": {"connection": "close"}}}, "request_headers.add.connection", "forbidden"),
        ({"response_headers": {"remove": ["content-length"]}}, "response_headers.remove.0", "forbidden"),
        (
            {"response_headers": {"set": {"transfer-encoding": "x"}}},
            "response_headers.set.transfer-encoding",
            "forbidden",
        ),
        (
            {"request_headers": {"set": {"x-forwarded-client-cert": "x"}}},
            "request_headers.set.x-forwarded-client-cert",
            "forbidden",
        ),
        (
            {"split": [{"version": "v1", "weight": 1, "request_headers": {"set": {"via": "x"}}}]},
            "split.0.request_headers.set.via",
            "forbidden",
        ),
        ({"fault": {}}, "fault", "required"),
        ({"fault": {"abort_status": 100}}, "fault.abort_status", "range"),
        ({"sticky": {"kind": "cookie"}}, "sticky.name", "required"),
        ({"sticky": {"kind": "source", "name": "x"}}, "sticky.name", "unused"),
        ({"sticky": {"kind": "header", "name": "x", "ttl_s": 1}}, "sticky.ttl_s", "unused"),
        ({"limits": [{"name": "a", "requests": 1}, {"name": "a", "requests": 2}]}, "limits.1.name", "duplicate"),
        ({"limits": [{"name": "a", "requests": 1, "by": ["source", "source"]}]}, "limits.0.by.1", "duplicate"),
        ({"match": {"path": {"kind": "regex", "value": "("}}}, "match.path.value", "invalid"),
    ],
)
def test_flaws_name_their_field(fields: dict[str, Any], place: str, code: str) -> None:
    assert [(flaw.path, flaw.code) for flaw in route_flaws(route(**fields))] == [(place, code)]


def test_a_value_cannot_carry_another_line() -> None:
    wrong = Route(name="r", response_headers=HeaderOps(set={"x": "a\n", "y": "a\r\nb: c"}))
    assert [flaw.path for flaw in route_flaws(wrong)] == ["response_headers.set.x", "response_headers.set.y"]


# --- faults, direct responses, mirrors


def answer(choose: Choice[str], head: RequestHead | None = None) -> Answer:
    with pytest.raises(Answer) as caught:
        choose(head or request(), Stranger())
    return caught.value


def test_a_redirect_and_a_direct_response_carry_their_fields() -> None:
    moved = answer(choice(route(redirect={"code": 308, "path": "/b"}, response_headers={"set": {"x": "1"}})))
    assert (moved.status, moved.flag, moved.body) == (308, "", b"")
    assert list(moved.lines) == [b"location: http://a/b", b"x: 1"]
    said = answer(choice(route(direct={"status": 503, "body": "later"}, response_headers={"set": {"x": "1"}})))
    assert (said.status, said.body) == (503, b"later")
    assert list(said.lines) == [b"content-type: text/plain; charset=utf-8", b"x: 1"]


def test_faults_hit_their_share_and_only_requests_that_carry_the_header() -> None:
    rng = Random(3).random
    choose = choice(route(fault={"abort_status": 503, "abort_percent": 25, "header": "x-fault"}), rng=rng)
    hit = 0
    for _ in range(4000):
        assert choose(request(), Stranger()) in ("v1", "v2")
        try:
            choose(request("/", "x-fault: 1"), Stranger())
        except Answer as fault:
            assert (fault.status, fault.flag) == (503, "FI")
            hit += 1
    assert 850 < hit < 1150
    delay = compile_delay(route(fault={"delay_ms": 250, "delay_percent": 50, "header": "x-fault"}), rng)
    assert delay is not None
    assert delay(request()) == 0
    held = Counter(delay(request("/", "x-fault:")) for _ in range(1000))
    assert held.keys() == {0.0, 0.25}
    assert 400 < held[0.25] < 600
    assert compile_delay(route(fault={"abort_status": 500}), rng) is None


def test_mirrors_take_their_share_of_safe_methods() -> None:
    rng = Random(4).random
    some = compile_mirrored(route(mirror={"version": "v2", "percent": 10}), rng)
    assert 50 < sum(some(request()) for _ in range(1000)) < 150
    every = compile_mirrored(route(mirror={"version": "v2"}), rng)
    assert every(request()) and every(request(method="HEAD"))
    assert not every(request(method="POST")) and not every(request(method="DELETE"))
    assert not every(request("/", "connection: upgrade", "upgrade: websocket"))
    unsafe = compile_mirrored(route(mirror={"version": "v2", "unsafe": True}), rng)
    assert unsafe(request(method="POST"))
    assert not compile_mirrored(route(), rng)(request())


# --- limits


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    bucket = Bucket(RateLimit(name="a", requests=10, per_ms=1000, burst=3))
    assert [bucket.take((b"k",), 0.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take((b"k",), 0.0) == pytest.approx(0.1)
    assert bucket.take((b"other",), 0.0) == 0
    assert bucket.take((b"k",), 0.1) == 0
    assert bucket.take((b"k",), 0.1) == pytest.approx(0.1)
    assert [bucket.take((b"k",), 100.0) for _ in range(4)][:3] == [0, 0, 0]


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_more_than_burst_and_rate_ever_pass(requests: int, burst: int, steps: list[float]) -> None:
    bucket = Bucket(RateLimit(name="a", requests=requests, per_ms=1000, burst=burst))
    now, passed = 0.0, 0
    for step in steps:
        now += step
        passed += bucket.take((), now) == 0
    assert passed <= burst + now * requests + 1e-6


def test_strangers_cannot_make_a_limit_grow_without_bound() -> None:
    bucket = Bucket(RateLimit(name="a", requests=1, per_ms=60_000))
    for number in range(MAX_KEYS):
        assert bucket.take((b"%d" % number,), 0.0) == 0
    assert bucket.take((b"one more",), 0.0) == 0  # all that follow share one bucket
    assert bucket.take((b"and one", b"more"), 0.0) > 0
    assert bucket.take((b"later",), 61.0) == 0
    assert bucket.take((b"later still",), 61.0) == 0  # the others were full again, and forgotten


def test_limits_count_by_source_and_header() -> None:
    limit = {"name": "a", "requests": 1, "per_ms": 10_000, "by": ["source", "header:x-key"]}
    choose = choice(route(limits=[limit]))
    for peer, key in ((b"a", "1"), (b"a", "2"), (b"b", "1")):
        assert choose(request("/", f"X-Key: {key}"), Stranger(peer)) == "v1"
        with pytest.raises(Answer) as over:
            choose(request("/", f"X-Key: {key}"), Stranger(peer))
        assert (over.value.status, over.value.flag, over.value.body) == (429, "RL", None)
        assert over.value.lines == [
            b"retry-after: 10",
            b"ratelimit-limit: 1",
            b"ratelimit-remaining: 0",
            b"ratelimit-reset: 10",
        ]


def test_a_limit_comes_before_a_redirect_and_a_fault() -> None:
    limit = {"name": "a", "requests": 1}
    for fields in ({"redirect": {"path": "/b"}}, {"fault": {"abort_status": 500}}):
        choose = choice(route(limits=[limit], **fields))
        assert answer(choose).status in (302, 500)
        assert answer(choose).status == 429


# --- stickiness


def splits(weights: dict[str, int]) -> list[WeightedVersion]:
    return [WeightedVersion(version=version, weight=weight) for version, weight in weights.items()]


KEYS = [b"user-%d" % number for number in range(300)]
WEIGHTS = st.lists(st.integers(0, 100), min_size=2, max_size=5)


@given(WEIGHTS, st.integers(0, 4), st.integers(0, 100), st.data())
def test_raising_a_weight_moves_nobody_off_that_version(
    weights: list[int], index: int, rise: int, data: st.DataObject
) -> None:
    """Where one version's weight rises and the others' stay or fall, it keeps all it had and only gains."""
    index %= len(weights)
    before = {f"v{number}": weight for number, weight in enumerate(weights)}
    raised = f"v{index}"
    after = {version: data.draw(st.integers(0, weight)) for version, weight in before.items()}
    after[raised] = before[raised] + rise
    old, new = compile_sticky(splits(before), str), compile_sticky(splits(after), str)
    for key in KEYS:
        was, now = old(key), new(key)
        if was == raised and before[raised]:
            assert now == raised


@given(WEIGHTS.filter(any), st.randoms())
def test_the_order_of_versions_means_nothing_to_stickiness(weights: list[int], rng: Random) -> None:
    listed = splits({f"v{number}": weight for number, weight in enumerate(weights)})
    mixed = listed[:]
    rng.shuffle(mixed)
    one, other = compile_sticky(listed, str), compile_sticky(mixed, str)
    assert [one(key) for key in KEYS] == [other(key) for key in KEYS]


def test_sticky_shares_follow_the_weights() -> None:
    choose = compile_sticky(splits({"v1": 90, "v2": 9, "v3": 1}), str)
    found = Counter(choose(b"%d" % number) for number in range(20_000))
    for version, share in (("v1", 0.9), ("v2", 0.09), ("v3", 0.01)):
        assert abs(found[version] / 20_000 - share) < 5 * (share * (1 - share) / 20_000) ** 0.5
    assert compile_sticky(splits({"v1": 0}), str)(b"x") is None


def heads() -> Iterator[RequestHead]:
    for number in range(50):
        yield request("/", f"cookie: u={number}", f"x-user: {number}")


@pytest.mark.parametrize(
    "sticky", [{"kind": "cookie", "name": "u"}, {"kind": "header", "name": "X-User"}, {"kind": "source"}]
)
def test_who_asks_again_gets_the_same_version(sticky: dict[str, Any]) -> None:
    choose = choice(route(sticky=sticky))
    first = [choose(head, Stranger(b"%d" % number)) for number, head in enumerate(heads())]
    again = [choose(head, Stranger(b"%d" % number)) for number, head in enumerate(heads())]
    assert first == again
    assert set(first) == {"v1", "v2"}


def test_without_the_cookie_a_request_gets_one_that_leads_back() -> None:
    choose = choice(route(sticky={"kind": "cookie", "name": "u", "ttl_s": 60}))
    for _ in range(20):
        chosen = choose(request(), Stranger())
        assert chosen is not None
        version, line = chosen.split(" ", 1)
        assert line.endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")
        cookie = line.removeprefix("set-cookie: ").partition(";")[0]
        assert choose(request("/", f"cookie: {cookie}"), Stranger()) == version
    plain = choice(route(sticky={"kind": "header", "name": "x"}))
    assert {plain(request(), Stranger()) for _ in range(50)} == {"v1", "v2"}


def test_a_plain_route_chooses_by_weight_alone() -> None:
    assert (
        choice(route(split=[{"version": "v1", "weight": 0}, {"version": "v2", "weight": 3}]))(request(), Stranger())
        == "v2"
    )
    assert choice(route(split=[{"version": "v1", "weight": 0}]))(request(), Stranger()) is None
    for share in (0.0, 0.49, 0.5, 0.99):
        expected = "v1" if share < 0.5 else "v2"
        assert choice(route(), rng=lambda share=share: share)(request(), Stranger()) == expected
