"""Whether a request may pass, by the access policies of the service that it reached.

The order is that of Istio's AuthorizationPolicy: a DENY rule that matches denies; without any ALLOW policy the mesh's
default holds; else an ALLOW rule must match. What a rule says of the caller depends on the connection alone, so each
caller gets tables of just the rules that can apply to it, in which a path is looked up, not searched. Where several
rules match, any of them is named. The clock is passed in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from proxies.core.errors import BadMessage, Flaw
from proxies.core.head import RequestHead
from proxies.core.match import header_value
from proxies.core.paths import normalise
from proxies.wire.policies import Caller, HeaderCondition, Hours, Operation, Policy, PolicyRule

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Test = Callable[[RequestHead], bool]
Moment = Callable[[], bool]
Clock = Callable[[], float]
"""Unix seconds."""

MAX_REMEMBERED = 4096
"""Callers that a guard keeps, and decisions of each. Others make them up, so what is full is emptied."""
MAX_REMEMBERED_KEY = 256
"""Decisions on longer paths and hosts are made each time, so that a caller cannot fill the memory with them."""
_VARIABLE = re.compile(rb"\{[A-Za-z_][A-Za-z0-9_]*\}").fullmatch
_DAY_MIN = 1440


class Decision(NamedTuple):
    """``policy`` and ``rule`` (its index, -1 for none) are what decided; empty where the mesh's default did. ``shadow``
    names the policy in shadow mode that would have turned the answer round."""

    allowed: bool
    policy: str = ""
    rule: int = -1
    shadow: str = ""


class Who(NamedTuple):
    """``service`` is ``namespace/name`` of the verified identity, or empty; ``address`` the connection's."""

    service: str
    address: str


class _Found(NamedTuple):
    policy: str
    rule: int


_Entry = tuple[Sequence[Test], _Found]


class Guard:
    """The policies of one service (or gateway), compiled. ``port`` is the app's, or the gateway's own."""

    def __init__(
        self,
        policies: Sequence[Policy],
        default: Literal["allow", "deny"],
        *,
        port: int = 0,
        clock: Clock = lambda: 0.0,
    ) -> None:
        """Raises BadMessage for a policy that says what cannot be."""
        for policy in policies:
            for flaw in policy_flaws(policy):
                raise BadMessage(f"policy {policy.name}: {flaw.path}: {flaw.reason}")
        self._policies = policies
        self._default = default == "allow"
        self._port = port
        self._clock = clock
        callers = [rule.caller for policy in policies for rule in policy.rules]
        self._ranges = sorted({cidr for caller in callers for cidr in (*caller.cidrs, *caller.not_cidrs)})
        self.by_address = bool(self._ranges)
        """Whether addresses matter: where not, ``Who`` need not have one."""
        self._callers: dict[Who, _Tables] = {}
        self._kinds: dict[tuple[str, frozenset[str]], _Tables] = {}

    def decide(self, who: Who, head: RequestHead) -> Decision:
        """Whether a request of this caller may pass, and what said so."""
        return self._of(who).decide(head)

    def decide_connection(self, who: Who) -> Decision:
        """The same where there is no HTTP: what a rule asks of it counts as met for DENY, as not met for ALLOW."""
        return self._of(who).decide_connection()

    def _of(self, who: Who) -> _Tables:
        tables = self._callers.get(who)
        if tables is None:
            if len(self._callers) >= MAX_REMEMBERED:
                self._callers.clear()
            tables = self._callers[who] = self._tables(who)
        return tables

    def _tables(self, who: Who) -> _Tables:
        """Shared by all callers of one service within the same ranges: strangers come from many addresses."""
        kind = (who.service, frozenset(cidr for cidr in self._ranges if _within((cidr,), who.address)))
        tables = self._kinds.get(kind)
        if tables is None:
            if len(self._kinds) >= MAX_REMEMBERED:
                self._kinds.clear()
            tables = self._kinds[kind] = _Tables(self._policies, self._default, who, self._port, self._clock)
        return tables


class _Tables:
    """What applies to one kind of caller."""

    def __init__(self, policies: Sequence[Policy], default: bool, who: Who, port: int, clock: Clock) -> None:
        enforced = [policy for policy in policies if policy.mode == "enforce"]
        shadows = [policy for policy in policies if policy.mode == "shadow"]
        self._enforced = _Verdict(enforced, default, who, port, clock)
        self._all = _Verdict(policies, default, who, port, clock) if shadows else None
        self._first_shadow = next((policy.name for policy in shadows if policy.action == "allow"), "")
        self._fixed = self._enforced.fixed and (self._all is None or self._all.fixed)
        self._remembered: dict[tuple[bytes, bytes, bytes], Decision] = {}

    def decide(self, head: RequestHead) -> Decision:
        if not self._fixed:
            return self._judge(head)
        key = (head.path, head.method, head.host)
        decision = self._remembered.get(key)
        if decision is None:
            decision = self._judge(head)
            if len(head.path) + len(head.host) <= MAX_REMEMBERED_KEY:
                if len(self._remembered) >= MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = decision
        return decision

    def decide_connection(self) -> Decision:
        return self._judge(None)

    def _judge(self, head: RequestHead | None) -> Decision:
        decision = self._enforced.judge(head)
        if self._all is not None:
            would = self._all.judge(head)
            if would.allowed != decision.allowed:
                # Nobody in particular would deny only where allow policies in shadow mode are the first of their kind.
                return decision._replace(shadow=would.policy or self._first_shadow)
        return decision


class _Verdict:
    """The order of evaluation over one set of policies."""

    def __init__(self, policies: Sequence[Policy], default: bool, who: Who, port: int, clock: Clock) -> None:
        allows = [policy for policy in policies if policy.action == "allow"]
        self._deny = _Rules([p for p in policies if p.action == "deny"], who, port, clock, deny=True)
        self._allow = _Rules(allows, who, port, clock)
        self._no_allow = not allows
        self._default = Decision(default)
        self._denied = Decision(False, allows[0].name if len(allows) == 1 else "")
        self.fixed = self._deny.fixed and self._allow.fixed

    def judge(self, head: RequestHead | None) -> Decision:
        found = self._deny.find(head) if head is not None else self._deny.on_connection(http=True)
        if found is not None:
            return Decision(False, *found)
        if self._no_allow:
            return self._default
        found = self._allow.find(head) if head is not None else self._allow.on_connection(http=False)
        return Decision(True, *found) if found is not None else self._denied


class _Rules:
    """The rules of some policies that one caller can meet, by path."""

    def __init__(self, policies: Iterable[Policy], who: Who, port: int, clock: Clock, *, deny: bool = False) -> None:
        self._header = _header_of_deny if deny else _header
        self._any: list[_Entry] = []
        self._exact: dict[bytes, list[_Entry]] = {}
        self._prefix: dict[bytes, list[_Entry]] = {}
        self._patterns: list[tuple[Test, _Entry]] = []
        self._connection: list[tuple[bool, Moment | None, _Found]] = []
        self.fixed = True
        """Whether method, path and host alone decide."""
        for policy in policies:
            for index, rule in enumerate(policy.rules):
                if _is_from(rule.caller, who) and _is_to(rule.operation, port):
                    self._add(_Found(policy.name, index), rule, clock)
        self._lengths = sorted({len(prefix) for prefix in self._prefix})

    def find(self, head: RequestHead) -> _Found | None:
        """The first of them that matches."""
        path = head.path
        if self._exact and (entries := self._exact.get(path)) is not None:
            for tests, found in entries:
                if _all(tests, head):
                    return found
        for length in self._lengths:
            entries = self._prefix.get(path[:length])
            if entries is not None:
                for tests, found in entries:
                    if _all(tests, head):
                        return found
        for matches, (tests, found) in self._patterns:
            if matches(head) and _all(tests, head):
                return found
        for tests, found in self._any:
            if _all(tests, head):
                return found
        return None

    def on_connection(self, *, http: bool) -> _Found | None:
        """The first that matches where there is no HTTP; ``http`` says whether what is asked of it counts as met."""
        for asks_http, moment, found in self._connection:
            if (http or not asks_http) and (moment is None or moment()):
                return found
        return None

    def _add(self, found: _Found, rule: PolicyRule, clock: Clock) -> None:
        self.fixed = self.fixed and not rule.when and rule.hours is None
        moment = _moment(rule.hours, clock) if rule.hours is not None else None
        tests = [*_tests(rule.operation), *map(self._header, rule.when)]
        paths = [_path(pattern) for pattern in rule.operation.paths]
        self._connection.append((bool(tests or paths), moment, found))
        if moment is not None:
            tests.append(lambda _: moment())
        entry = (tests, found)
        if not paths:
            self._any.append(entry)
        for kind, value in paths:
            if kind == "exact":
                self._exact.setdefault(value, []).append(entry)
            elif kind == "prefix":
                self._prefix.setdefault(value, []).append(entry)
            else:
                self._patterns.append((_pattern(kind, value), entry))


def _all(tests: Sequence[Test], head: RequestHead) -> bool:
    for test in tests:  # noqa: SIM110 - a generator would cost more than most tests do
        if not test(head):
            return False
    return True


# --- the caller, and the port: known when the connection is


def _is_from(caller: Caller, who: Who) -> bool:
    namespace = who.service.partition("/")[0]
    if caller.services and not _named(caller.services, who.service):
        return False
    if caller.namespaces and namespace not in caller.namespaces:
        return False
    if _named(caller.not_services, who.service) or (namespace and namespace in caller.not_namespaces):
        return False
    if caller.cidrs and not _within(caller.cidrs, who.address):
        return False
    return not _within(caller.not_cidrs, who.address)


def _named(patterns: Sequence[str], service: str) -> bool:
    """Whether an identity is one of them; who has none is not, not even of ``namespace/*``."""
    return bool(service) and (service in patterns or f"{service.partition('/')[0]}/*" in patterns)


def _within(ranges: Sequence[str], address: str) -> bool:
    if not ranges or not address:
        return False
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in _network(cidr) for cidr in ranges)


@lru_cache(maxsize=4096)
def _network(cidr: str) -> Network:
    return ipaddress.ip_network(cidr, strict=False)


def _is_to(operation: Operation, port: int) -> bool:
    return (not operation.ports or port in operation.ports) and port not in operation.not_ports


# --- the request


def _tests(operation: Operation) -> Iterator[Test]:
    """What is asked of a request beside its path and its fields."""
    if operation.methods:
        yield _method(operation.methods, within=True)
    if operation.not_methods:
        yield _method(operation.not_methods, within=False)
    if operation.hosts:
        yield _host(operation.hosts, within=True)
    if operation.not_hosts:
        yield _host(operation.not_hosts, within=False)
    for pattern in operation.not_paths:
        matches = _pattern(*_path(pattern))
        yield lambda head, matches=matches: not matches(head)  # type: ignore[misc]


def _method(methods: Sequence[str], *, within: bool) -> Test:
    wanted = frozenset(method.encode() for method in methods)
    return lambda head: (head.method in wanted) is within


def _host(hosts: Sequence[str], *, within: bool) -> Test:
    exact = frozenset(host.encode() for host in hosts if not host.startswith("*"))
    suffixes = tuple(host[1:].encode() for host in hosts if host.startswith("*"))

    def test(head: RequestHead) -> bool:
        host = head.host.rstrip(b".")  # which means the same host
        return (host in exact or host.endswith(suffixes)) is within

    return test


def _header(condition: HeaderCondition) -> Test:
    name, values, refused = _compared(condition)

    def test(head: RequestHead) -> bool:
        value = header_value(head, name)
        return (not values or value in values) and value not in refused

    return test


def _header_of_deny(condition: HeaderCondition) -> Test:
    """As for ALLOW, but one of several values is enough: else whoever sends a second one would not be denied."""
    name, values, refused = _compared(condition)

    def test(head: RequestHead) -> bool:
        value = header_value(head, name)
        met = not values or value in values
        if not met and value is not None:
            met = not values.isdisjoint(part.strip(b" \t") for part in value.split(b","))
        return met and value not in refused

    return test


def _compared(condition: HeaderCondition) -> tuple[bytes, frozenset[bytes], frozenset[bytes]]:
    return (
        condition.header.encode(),
        frozenset(value.encode() for value in condition.values),
        frozenset(value.encode() for value in condition.not_values),
    )


def _moment(hours: Hours, clock: Clock) -> Moment:
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


def _path(pattern: str) -> tuple[str, bytes]:
    """A path pattern's kind, and what it compares. Raises BadMessage."""
    raw = pattern.encode()
    if raw == b"*":
        return "prefix", b"/"
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


def _pattern(kind: str, value: bytes) -> Test:
    if kind == "exact":
        return lambda head: head.path == value
    if kind == "prefix":
        return lambda head: head.path.startswith(value)
    if kind == "suffix":
        return lambda head: head.path.endswith(value)
    parts = [None if _VARIABLE(part) else part for part in value.split(b"/")]
    if any(part is not None and (b"{" in part or b"}" in part) for part in parts):
        raise BadMessage("a path's variable is a whole segment {name}")

    def matches(head: RequestHead) -> bool:
        found = head.path.split(b"/")
        return len(found) == len(parts) and all(
            bool(segment) if part is None else segment == part for part, segment in zip(parts, found, strict=True)
        )

    return matches


# --- what is wrong with a policy


def policy_flaws(policy: Policy) -> Iterator[Flaw]:
    """What a policy says that cannot be, or would never have an effect; paths as ``rules.0.operation.paths.1``."""
    for index, rule in enumerate(policy.rules):
        for place in ("paths", "not_paths"):
            for number, pattern in enumerate(getattr(rule.operation, place)):
                try:
                    _pattern(*_path(pattern))
                except BadMessage as error:
                    yield Flaw(f"rules.{index}.operation.{place}.{number}", "invalid", error.reason)
        for place in ("cidrs", "not_cidrs"):
            for number, cidr in enumerate(getattr(rule.caller, place)):
                try:
                    ipaddress.ip_network(cidr, strict=False)
                except ValueError as error:
                    yield Flaw(f"rules.{index}.caller.{place}.{number}", "invalid", str(error))
        for number, condition in enumerate(rule.when):
            if not condition.values and not condition.not_values:
                yield Flaw(f"rules.{index}.when.{number}", "required", "a condition has values or not_values")
