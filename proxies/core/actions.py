"""What a route does with a request, compiled to one choice: an answer of the proxy itself, or a way to a version.

A route without actions compiles to the bare choice by weight. Ways (``T``) are the caller's; the clock and the random
numbers are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from proxies.core import flags
from proxies.core.edits import compile_ops, ops_flaws
from proxies.core.errors import Flaw
from proxies.core.head import RequestHead
from proxies.core.limits import OPEN, Gate, Judge, Over, limit_flaws
from proxies.core.match import cookie_value, header_value
from proxies.core.peers import Peer
from proxies.core.rewrite import compile_redirect, redirect_flaws, rewrite_flaws
from proxies.core.shared import Ask, Question, Undecided, Verdict
from proxies.core.split import compile_split, compile_sticky
from proxies.wire.routing import Route, Sticky, WeightedVersion

T = TypeVar("T")
Choice = Callable[[RequestHead, Peer], T | None]
Random = Callable[[], float]

_SAFE = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE"))


class Answer(Exception):
    """An answer instead of an endpoint's. ``lines`` are its fields but for those that frame it; with ``body`` of None
    the proxy says in its own words what the status means. ``rule`` is what decided so, as in ``LogRecord``; empty where
    the route itself did."""

    def __init__(
        self, status: int, flag: str, lines: Sequence[bytes] = (), body: bytes | None = None, rule: str = ""
    ) -> None:
        super().__init__(status, flag)
        self.status = status
        self.flag = flag
        self.lines = lines
        self.body = body
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Means:
    """What choices need from outside: a random number in [0, 1), a new unguessable id."""

    rng: Random
    new_id: Callable[[], bytes]


def compile_choice(
    route: Route,
    split: Sequence[WeightedVersion],
    lane: Callable[[str], T],
    issuing: Callable[[T, bytes], T],
    means: Means,
    gate: Gate = OPEN,
) -> Choice[T]:
    """The choice of a route behind the ``gate`` of its limits. It raises Answer, or Undecided where shared counts must
    be asked first; None where all weights are 0. ``issuing`` gives a way that also adds a field line to the response.
    """
    choose = _target(route, split, lane, issuing, means)
    if route.fault is not None and route.fault.abort_status:
        choose = _aborted(route, choose, means.rng)
    if gate.ask is not None:
        choose = _asked(gate.ask, choose)
    return choose if gate.judge is None else _limited(gate.judge, choose)


def too_many(over: Over) -> Answer:
    """The answer to a request above a limit (the field names of draft-ietf-httpapi-ratelimit-headers-03)."""
    limit = over.limit
    lines = (
        f"retry-after: {over.retry_after_s}",
        f"ratelimit-limit: {limit.burst or limit.requests}",
        "ratelimit-remaining: 0",
        f"ratelimit-reset: {over.retry_after_s}",
    )
    return Answer(429, flags.RATE_LIMITED, [line.encode() for line in lines], rule=f"limit:{limit.name}")


def settle(question: Question, verdict: Verdict | None) -> None:
    """Count what shared counts say of a request. Raises Answer where it may not pass: because it is above a limit, or
    because nobody knows and a limit does not pass what nobody knows of."""
    over = None if verdict is None else verdict.over
    denied = verdict is None and any(each.limit.on_error == "deny" for each in question.limits)
    for index, each in enumerate(question.limits):
        if index == over or (denied and each.limit.on_error == "deny"):
            each.use.limited += 1
        elif over is None and not denied:
            each.use.allowed += 1
    if denied:
        deaf = next(each.limit.name for each in question.limits if each.limit.on_error == "deny")
        raise Answer(503, flags.RATE_LIMIT_ERROR, rule=f"limit:{deaf}")
    if over is not None and verdict is not None:
        raise too_many(Over(question.limits[over].limit, ceil(verdict.wait_s)))


def compile_delay(route: Route, rng: Random) -> Callable[[RequestHead], float] | None:
    """The seconds that the fault holds a request up, or None for a route that holds up none."""
    fault = route.fault
    if fault is None or not fault.delay_ms or not fault.delay_percent:
        return None
    applies, delay_s, share = _fault_applies(fault.header), fault.delay_ms / 1000, fault.delay_percent / 100
    return lambda head: delay_s if applies(head) and rng() < share else 0.0


def compile_mirrored(route: Route, rng: Random) -> Callable[[RequestHead], bool]:
    """Whether a request is to be copied."""
    mirror = route.mirror
    if mirror is None or not mirror.percent:
        return lambda head: False
    share, unsafe = mirror.percent / 100, mirror.unsafe
    return lambda head: (unsafe or head.method in _SAFE) and not head.upgrade and rng() < share


def sticky_key(sticky: Sticky, head: RequestHead, peer: Peer) -> bytes | None:
    """By what a request's version is chosen; None where the request does not say."""
    if sticky.kind == "source":
        return peer.who()
    if sticky.kind == "cookie":
        return cookie_value(head, sticky.name.encode()) or None
    return header_value(head, sticky.name.lower().encode()) or None


def action_flaws(route: Route) -> Iterator[Flaw]:
    """What is wrong with a route's actions, alone and together."""
    yield from _conflicts(route)
    if route.rewrite is not None:
        yield from _under("rewrite", rewrite_flaws(route.rewrite, route.match))
    if route.redirect is not None:
        yield from _under("redirect", redirect_flaws(route.redirect, route.match))
    if route.direct is not None and route.direct.body and route.direct.status in (204, 304):
        yield Flaw("direct.body", "unused", f"a {route.direct.status} has no body")
    yield from _under("request_headers", ops_flaws(route.request_headers))
    yield from _under("response_headers", ops_flaws(route.response_headers))
    for index, weighted in enumerate(route.split or ()):
        yield from _under(f"split.{index}.request_headers", ops_flaws(weighted.request_headers))
        yield from _under(f"split.{index}.response_headers", ops_flaws(weighted.response_headers))
    if route.fault is not None:
        if not route.fault.delay_ms and not route.fault.abort_status:
            yield Flaw("fault", "required", "a fault is a delay, an abort, or both")
        if 0 < route.fault.abort_status < 200:
            yield Flaw("fault.abort_status", "range", "a status is 200 to 599, or 0 for none")
    if route.sticky is not None:
        yield from _under("sticky", _sticky_flaws(route.sticky))
    yield from _under("limits", limit_flaws(route.limits))


# --- inside


def _target(
    route: Route,
    split: Sequence[WeightedVersion],
    lane: Callable[[str], T],
    issuing: Callable[[T, bytes], T],
    means: Means,
) -> Choice[T]:
    if route.redirect is not None:
        return _redirected(route)
    if route.direct is not None:
        return _answered(route)
    if route.sticky is not None:
        return _stuck(route.sticky, compile_sticky(split, lane), issuing, means.new_id)
    return compile_split(split, lane, means.rng)


def _redirected(route: Route) -> Choice[T]:
    assert route.redirect is not None
    code = route.redirect.code
    location, edit = compile_redirect(route.redirect, route.match), compile_ops(route.response_headers)

    def redirect(head: RequestHead, peer: Peer) -> T | None:
        lines = [b"", b"location: " + location(head, peer.secured)]
        if edit is not None:
            edit(lines)
        raise Answer(code, "", lines[1:], b"")

    return redirect


def _answered(route: Route) -> Choice[T]:
    direct = route.direct
    assert direct is not None
    lines = [b""]
    if direct.body:
        lines.append(f"content-type: {direct.content_type}".encode())
    edit = compile_ops(route.response_headers)
    if edit is not None:
        edit(lines)
    body = direct.body.encode()

    def answer(head: RequestHead, peer: Peer) -> T | None:
        raise Answer(direct.status, "", lines[1:], body)

    return answer


def _stuck(
    sticky: Sticky,
    by_key: Callable[[bytes], T | None],
    issuing: Callable[[T, bytes], T],
    new_id: Callable[[], bytes],
) -> Choice[T]:
    attributes = f"; Path=/; HttpOnly; SameSite=Lax{f'; Max-Age={sticky.ttl_s}' if sticky.ttl_s else ''}"

    def choose(head: RequestHead, peer: Peer) -> T | None:
        key = sticky_key(sticky, head, peer)
        if key is not None:
            return by_key(key)
        made = new_id()
        chosen = by_key(made)
        if sticky.kind != "cookie" or chosen is None:
            return chosen
        return issuing(chosen, f"set-cookie: {sticky.name}={made.decode()}{attributes}".encode())

    return choose


def _limited(judge: Judge, choose: Choice[T]) -> Choice[T]:
    def within(head: RequestHead, peer: Peer) -> T | None:
        over = judge(head, peer)
        if over is not None:
            raise too_many(over)
        return choose(head, peer)

    return within


def _asked(ask: Ask, choose: Choice[T]) -> Choice[T]:
    def undecided(head: RequestHead, peer: Peer) -> T | None:
        question, put = ask(head, peer)

        def go(verdict: Verdict | None) -> T | None:
            settle(question, verdict)
            return choose(head, peer)

        raise Undecided(put, go)

    return undecided


def _aborted(route: Route, choose: Choice[T], rng: Random) -> Choice[T]:
    fault = route.fault
    assert fault is not None
    applies, share = _fault_applies(fault.header), fault.abort_percent / 100

    def abort(head: RequestHead, peer: Peer) -> T | None:
        if applies(head) and rng() < share:
            raise Answer(fault.abort_status, flags.FAULT_INJECTED)
        return choose(head, peer)

    return abort


def _fault_applies(header: str) -> Callable[[RequestHead], bool]:
    if not header:
        return lambda head: True
    name = header.encode()
    return lambda head: header_value(head, name) is not None


def _conflicts(route: Route) -> Iterator[Flaw]:
    action = "redirect" if route.redirect else "direct" if route.direct else ""
    if not action:
        return
    if route.redirect and route.direct:
        yield Flaw("direct", "conflict", "a route has a redirect or a direct response, not both")
    for name in ("split", "rewrite", "request_headers", "mirror", "sticky"):
        if getattr(route, name) is not None:
            yield Flaw(name, "conflict", f"a route with {action!r} forwards nothing")


def _sticky_flaws(sticky: Sticky) -> Iterator[Flaw]:
    if sticky.kind == "source":
        if sticky.name:
            yield Flaw("name", "unused", "a source has no name")
    elif not sticky.name:
        yield Flaw("name", "required", f"a {sticky.kind} has a name")
    if sticky.ttl_s and sticky.kind != "cookie":
        yield Flaw("ttl_s", "unused", "only a cookie has a lifetime")


def _under(place: str, flaws: Iterator[Flaw]) -> Iterator[Flaw]:
    for flaw in flaws:
        yield flaw._replace(path=f"{place}.{flaw.path}")
