"""One rule of an access policy: what each of its parts asks, compiled to tests, and what may not be said.

Of who calls a connection tells all; of what is called, a request. The clock is passed in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from proxies.core import fields
from proxies.core.errors import BadMessage, Flaw
from proxies.core.head import RequestHead
from proxies.core.match import header_value
from proxies.core.paths import normalise
from proxies.wire.policies import Caller, HeaderCondition, Hours, Operation, Policy, PolicyRule
from proxies.wire.tokens import TokenCondition

Test = Callable[[RequestHead], bool]
Moment = Callable[[], bool]
Clock = Callable[[], float]
"""Unix seconds."""

_VARIABLE = re.compile(rb"\{[A-Za-z_][A-Za-z0-9_]*\}").fullmatch
_DAY_MIN = 1440
ANY_VALUE = b"*"


class Who(NamedTuple):
    """``service`` is ``namespace/name`` of the verified identity, or empty; ``address`` the connection's."""

    service: str
    address: str


# --- the caller, and the port: known when the connection is


def is_from(caller: Caller, who: Who) -> bool:
    """Whether a rule is about this caller."""
    return all(met for _, met in _caller(caller, who))


def _caller(caller: Caller, who: Who) -> Iterator[tuple[str, bool]]:
    """Each part, and whether it holds."""
    namespace = who.service.partition("/")[0]
    yield "services", not caller.services or _named(caller.services, who.service)
    yield "namespaces", not caller.namespaces or namespace in caller.namespaces
    yield "not_services", not _named(caller.not_services, who.service)
    yield "not_namespaces", not namespace or namespace not in caller.not_namespaces
    yield "cidrs", not caller.cidrs or within(caller.cidrs, who.address)
    yield "not_cidrs", not within(caller.not_cidrs, who.address)


def _named(patterns: Sequence[str], service: str) -> bool:
    """Whether an identity is one of them; who has none is not, not even of ``namespace/*``."""
    return bool(service) and (service in patterns or f"{service.partition('/')[0]}/*" in patterns)


def within(ranges: Sequence[str], address: str) -> bool:
    """Whether an address is in one of them; none is in none."""
    return bool(ranges) and bool(places([span_of(cidr) for cidr in ranges], address))


class Span(NamedTuple):
    """The addresses of a range, as numbers; ``version`` is that of IP."""

    version: int
    first: int
    last: int


@lru_cache(maxsize=4096)
def span_of(cidr: str) -> Span:
    network = ipaddress.ip_network(cidr, strict=False)
    return Span(network.version, int(network.network_address), int(network.broadcast_address))


def places(spans: Sequence[Span], address: str) -> tuple[int, ...]:
    """Which of them an address is in. One of IPv4 is the same however it is written."""
    if not address:
        return ()
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    version, number = found.version, int(found)
    return tuple([place for place, (ip, first, last) in enumerate(spans) if first <= number <= last and ip == version])


def is_to(operation: Operation, port: int) -> bool:
    """Whether a rule is about this port of the app's."""
    return all(met for _, met in _port(operation, port))


def _port(operation: Operation, port: int) -> Iterator[tuple[str, bool]]:
    yield "ports", not operation.ports or port in operation.ports
    yield "not_ports", port not in operation.not_ports


# --- the request


def tests_of(operation: Operation) -> Iterator[Test]:
    """What is asked of a request beside its path and its fields."""
    return (test for _, test in _named_tests(operation))


def _named_tests(operation: Operation) -> Iterator[tuple[str, Test]]:
    """The same, by part."""
    if operation.methods:
        yield "methods", method_test(operation.methods, within=True)
    if operation.not_methods:
        yield "not_methods", method_test(operation.not_methods, within=False)
    if operation.hosts:
        yield "hosts", host_test(operation.hosts, within=True)
    if operation.not_hosts:
        yield "not_hosts", host_test(operation.not_hosts, within=False)
    for pattern in operation.not_paths:
        matches = path_test(*read_path(pattern))
        yield "not_paths", lambda head, matches=matches: not matches(head)  # type: ignore[misc]


def method_test(methods: Sequence[str], *, within: bool) -> Test:
    wanted = frozenset(method.encode() for method in methods)
    return lambda head: (head.method in wanted) is within


def host_test(hosts: Sequence[str], *, within: bool) -> Test:
    exact = frozenset(host.encode() for host in hosts if not host.startswith("*"))
    suffixes = tuple(host[1:].encode() for host in hosts if host.startswith("*"))

    def test(head: RequestHead) -> bool:
        host = head.host.rstrip(b".")  # which means the same host
        return (host in exact or host.endswith(suffixes)) is within

    return test


def header_test(condition: HeaderCondition) -> Test:
    name, values, refused = _compared(condition)

    def test(head: RequestHead) -> bool:
        value = header_value(head, name)
        return (not values or value in values) and value not in refused

    return test


def header_of_deny_test(condition: HeaderCondition) -> Test:
    """As for ALLOW, but one of several values is enough: else whoever sends a second one would not be denied."""
    name, values, refused = _compared(condition)

    def test(head: RequestHead) -> bool:
        value = header_value(head, name)
        met = not values or value in values
        if not met and value is not None:
            met = not values.isdisjoint(part.strip(b" \t") for part in value.split(b","))
        return met and value not in refused

    return test


def token_test(condition: TokenCondition) -> Test:
    """Whether a request came with a token of these providers that claims all of it."""
    tests = [test for _, test in _token_tests(condition)]

    def test(head: RequestHead) -> bool:
        for each in tests:  # noqa: SIM110 - a generator would cost more than most tests do
            if not each(head):
                return False
        return True

    return test


def _token_tests(condition: TokenCondition) -> Iterator[tuple[str, Test]]:
    """By part: the token itself, each claim."""
    providers = frozenset(condition.providers)
    yield "jwt", lambda head: head.token is not None and head.token.provider in providers
    for claim, values in condition.claims.items():
        yield f"jwt.claims.{claim}", _claim_test(claim, frozenset(value.encode() for value in values))


def _claim_test(claim: str, values: frozenset[bytes]) -> Test:
    def test(head: RequestHead) -> bool:
        found = head.token.values(claim) if head.token is not None else frozenset[bytes]()
        return bool(found) if ANY_VALUE in values else not found.isdisjoint(values)

    return test


def claim_keys(claim: str) -> Callable[[RequestHead], Iterable[bytes]]:
    """What a rule that compares a claim may be found by."""
    return lambda head: head.token.values(claim) if head.token is not None else ()


def host_keys(head: RequestHead) -> tuple[bytes, ...]:
    """What a rule that names whole hosts may be found by."""
    return (head.host.rstrip(b"."),)


def header_keys(header: str, *, apart: bool) -> Callable[[RequestHead], Sequence[bytes]]:
    """What a rule that compares a header may be found by: its value, and each of several where they count ``apart``."""
    name = header.encode()

    def keys(head: RequestHead) -> Sequence[bytes]:
        value = header_value(head, name)
        if value is None:
            return ()
        if apart and b"," in value:
            return [value, *{part.strip(b" \t") for part in value.split(b",")}]
        return (value,)

    return keys


def _compared(condition: HeaderCondition) -> tuple[bytes, frozenset[bytes], frozenset[bytes]]:
    return (
        condition.header.encode(),
        frozenset(value.encode() for value in condition.values),
        frozenset(value.encode() for value in condition.not_values),
    )


def moment_of(hours: Hours, clock: Clock) -> Moment:
    days = frozenset(hours.days) or frozenset(range(7))
    length = hours.end - hours.start
    if length <= 0:
        length += _DAY_MIN

    def is_now() -> bool:
        # Day 0 of Unix time was a Thursday, which is 3.
        minutes = int(clock() // 60)
        for day in (minutes // _DAY_MIN, minutes // _DAY_MIN - 1):
            since = minutes - day * _DAY_MIN - hours.start
            if (day + 3) % 7 in days and 0 <= since < length:
                return True
        return False

    return is_now


def read_path(pattern: str) -> tuple[str, bytes]:
    """A path pattern's kind, and what it compares. Raises BadMessage."""
    raw = pattern.encode()
    if raw == b"*":  # also what OPTIONS asks of the whole server, which has no slash
        return "prefix", b""
    if raw.startswith(b"*"):
        if b"*" in raw[1:]:
            raise BadMessage(f"{pattern!r} has more than one star")
        if normalise(b"/x" + raw[1:]) != b"/x" + raw[1:]:
            raise BadMessage(f"{pattern!r} is no end of a normalised path")
        return "suffix", raw[1:]
    stem = raw.removesuffix(b"*")
    if b"*" in stem:
        raise BadMessage(f"{pattern!r} has a star elsewhere than at an end")
    if b"{" in stem:
        if stem != raw:
            raise BadMessage(f"{pattern!r} has both a variable and a star")
        if normalise(raw) != raw:
            raise BadMessage(f"{pattern!r} is not normalised")
        return "template", raw
    if stem != raw:
        # What is compared is normalised, so the pattern must be as well, but for its last, unfinished segment.
        head, slash, last = stem.rpartition(b"/")
        return "prefix", normalise(head + slash).rstrip(b"/") + b"/" + last
    return "exact", normalise(raw)


def path_test(kind: str, value: bytes) -> Test:
    if kind == "exact":
        return lambda head: head.path == value
    if kind == "prefix":
        return lambda head: head.path.startswith(value)
    if kind == "suffix":
        return lambda head: head.path.endswith(value)
    parts = segments_of(value)

    def matches(head: RequestHead) -> bool:
        found = head.path.split(b"/")
        return len(found) == len(parts) and all(
            bool(segment) if part is None else segment == part for part, segment in zip(parts, found, strict=True)
        )

    return matches


def segments_of(template: bytes) -> list[bytes | None]:
    """Its segments, None for a variable. Raises BadMessage."""
    parts = [None if _VARIABLE(part) else part for part in template.split(b"/")]
    if any(part is not None and (b"{" in part or b"}" in part) for part in parts):
        raise BadMessage("a path's variable is a whole segment {name}")
    return parts


# --- one rule by itself


def unmet(rule: PolicyRule, who: Who, head: RequestHead, *, deny: bool, port: int, clock: Clock) -> list[str]:
    """The parts of a rule that a request does not meet, as ``caller.services``, ``operation.paths``, ``when.0``,
    ``hours``; none where it matches."""
    parts = [(f"caller.{name}", met) for name, met in _caller(rule.caller, who)]
    if rule.caller.jwt is not None:
        parts += [(f"caller.{name}", test(head)) for name, test in _token_tests(rule.caller.jwt)]
    parts += [(f"operation.{name}", met) for name, met in _port(rule.operation, port)]
    parts += [(f"operation.{name}", test(head)) for name, test in _named_tests(rule.operation)]
    paths = [path_test(*read_path(pattern)) for pattern in rule.operation.paths]
    parts.append(("operation.paths", not paths or any(matches(head) for matches in paths)))
    fields = header_of_deny_test if deny else header_test
    parts += [(f"when.{index}", fields(condition)(head)) for index, condition in enumerate(rule.when)]
    parts.append(("hours", rule.hours is None or moment_of(rule.hours, clock)()))
    return list(dict.fromkeys(name for name, met in parts if not met))


# --- what is wrong with a policy


def policy_flaws(policy: Policy) -> Iterator[Flaw]:
    """What a policy says that cannot be, or would never have an effect; paths as ``rules.0.operation.paths.1``."""
    yield from _check_flaws(policy)
    for index, rule in enumerate(policy.rules):
        for place in ("paths", "not_paths"):
            for number, pattern in enumerate(getattr(rule.operation, place)):
                try:
                    path_test(*read_path(pattern))
                except BadMessage as error:
                    yield Flaw(f"rules.{index}.operation.{place}.{number}", "invalid", error.reason)
        for place in ("cidrs", "not_cidrs"):
            for number, cidr in enumerate(getattr(rule.caller, place)):
                try:
                    ipaddress.ip_network(cidr, strict=False)
                except ValueError as error:
                    yield Flaw(f"rules.{index}.caller.{place}.{number}", "invalid", str(error))
        for claim, values in rule.caller.jwt.claims.items() if rule.caller.jwt is not None else ():
            if not values:
                yield Flaw(f"rules.{index}.caller.jwt.claims.{claim}", "required", "a claim has values, or * for any")
        for number, condition in enumerate(rule.when):
            if not condition.values and not condition.not_values:
                yield Flaw(f"rules.{index}.when.{number}", "required", "a condition has values or not_values")


def _check_flaws(policy: Policy) -> Iterator[Flaw]:
    if policy.action != "external":
        if policy.check is not None:
            yield Flaw("check", "unused", f"a policy that is to {policy.action} asks nobody")
        return
    if policy.check is None:
        yield Flaw("check", "required", "an external policy says whom to ask")
        return
    for place in ("request_headers", "response_headers"):
        for number, name in enumerate(getattr(policy.check, place)):
            if not fields.may_be_set(name):
                yield Flaw(f"check.{place}.{number}", "forbidden", f"{name} is the proxies' own")
