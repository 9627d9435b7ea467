"""Whether a request may pass, by the access policies of the service that it reached.

The order is that of Istio's AuthorizationPolicy: external checks come first; a DENY rule that matches denies; without
any ALLOW policy the mesh's default holds; else an ALLOW rule must match. Here is said which checks a request needs;
asking is for others. What a rule says of the caller depends on the connection alone, so each
caller gets tables of just the rules that can apply to it, in which a request is looked up, not searched. Where several
rules match, any of them is named. The clock is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead
from proxies.core.path_table import PathTable
from proxies.core.rules import (
    ANY_VALUE,
    Clock,
    Moment,
    Test,
    Who,
    claim_keys,
    header_keys,
    header_of_deny_test,
    header_test,
    host_keys,
    is_from,
    is_to,
    moment_of,
    places,
    policy_flaws,
    span_of,
    tests_of,
    token_test,
)
from proxies.wire.policies import Policy, PolicyRule

MAX_REMEMBERED = 4096
"""Callers that a guard keeps, and decisions of each. Others make them up, so what is full is emptied."""
MAX_REMEMBERED_KEY = 256
"""Decisions on longer paths and hosts are made each time, so that a caller cannot fill the memory with them."""


class Decision(NamedTuple):
    """``policy`` and ``rule`` (its index, -1 for none) are what decided; empty where the mesh's default did. ``shadow``
    names the policy in shadow mode that would have turned the answer round."""

    allowed: bool
    policy: str = ""
    rule: int = -1
    shadow: str = ""

    @property
    def name(self) -> str:
        """What decided, as ``proxies.wire.logs.LogRecord`` has it."""
        if not self.policy:
            return "default:allow" if self.allowed else "default:deny"
        return f"policy:{self.policy}/{self.rule}" if self.rule >= 0 else f"policy:{self.policy}"


class _Found(NamedTuple):
    policy: str
    rule: int


class Asked(NamedTuple):
    """An external policy that wants a request checked, and the rule that says so."""

    policy: Policy
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
        self._ranges = [
            span_of(cidr) for cidr in sorted({c for each in callers for c in (*each.cidrs, *each.not_cidrs)})
        ]
        self.by_address = bool(self._ranges)
        """Whether addresses matter: where not, ``Who`` need not have one."""
        self.asks = any(policy.action == "external" for policy in policies)
        """Whether ``asked`` may ever name anybody."""
        self._callers: dict[Who, _Tables] = {}
        self._kinds: dict[tuple[str, tuple[int, ...]], _Tables] = {}

    def decide(self, who: Who, head: RequestHead) -> Decision:
        """Whether a request of this caller may pass, and what said so."""
        return self._of(who).decide(head)

    def asked(self, who: Who, head: RequestHead) -> list[Asked]:
        """The checks that a request of this caller needs, in the order of their policies."""
        return self._of(who).asked(head)

    def decide_connection(self, who: Who) -> Decision:
        """The same where there is no HTTP: what a rule asks of it counts as met for DENY, as not met for ALLOW. A check
        cannot be made of it, so that it is denied where one is wanted."""
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
        kind = (who.service, places(self._ranges, who.address) if self._ranges else ())
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
        shadows = [policy for policy in policies if policy.mode == "shadow" and policy.action != "external"]
        self._enforced = _Verdict(enforced, default, who, port, clock)
        self._all = _Verdict(policies, default, who, port, clock) if shadows else None
        checks = [policy for policy in policies if policy.action == "external"]
        self._checks = [(policy, _Rules([policy], who, port, clock, deny=True)) for policy in checks]
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

    def asked(self, head: RequestHead) -> list[Asked]:
        found = [(policy, rules.find(head)) for policy, rules in self._checks]
        return [Asked(policy, match.rule) for policy, match in found if match is not None]

    def decide_connection(self) -> Decision:
        for policy, rules in self._checks:
            found = rules.on_connection(http=True)
            if found is not None and policy.mode == "enforce":
                return Decision(False, *found)
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


Keys = Callable[[RequestHead], Iterable[bytes]]


class _Rules:
    """The rules of some policies that one caller can meet, where a request is likely to find them: by path, else by
    host, else by a claim or a header that they compare. What is found so is still asked all that its rule says."""

    def __init__(self, policies: Iterable[Policy], who: Who, port: int, clock: Clock, *, deny: bool = False) -> None:
        self._deny = deny
        self._header = header_of_deny_test if deny else header_test
        self._paths: PathTable[_Entry] = PathTable()
        self._keyed: dict[str, tuple[Keys, dict[bytes, list[_Entry]]]] = {}
        self._any: list[_Entry] = []
        self._connection: list[tuple[bool, Moment | None, _Found]] = []
        self.fixed = True
        """Whether method, path and host alone decide."""
        for policy in policies:
            for index, rule in enumerate(policy.rules):
                if is_from(rule.caller, who) and is_to(rule.operation, port):
                    self._add(_Found(policy.name, index), rule, clock)

    def find(self, head: RequestHead) -> _Found | None:
        """One that matches."""
        for group in self._paths.find(head.path):
            for tests, found in group:
                if _all(tests, head):
                    return found
        for keys, entries in self._keyed.values():
            for key in keys(head):
                for tests, found in entries.get(key, ()):
                    if _all(tests, head):
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
        token = rule.caller.jwt
        self.fixed = self.fixed and not rule.when and rule.hours is None and token is None
        moment = moment_of(rule.hours, clock) if rule.hours is not None else None
        tests = [*tests_of(rule.operation), *map(self._header, rule.when)]
        if token is not None:
            tests.append(token_test(token))
        self._connection.append((bool(tests or rule.operation.paths), moment, found))
        if moment is not None:
            tests.append(lambda _: moment())
        self._place(rule, (tests, found))

    def _place(self, rule: PolicyRule, entry: _Entry) -> None:
        hosts = rule.operation.hosts
        compared = next((condition for condition in rule.when if condition.values), None)
        claims = rule.caller.jwt.claims if rule.caller.jwt is not None else {}
        claim = next((name for name, values in claims.items() if ANY_VALUE.decode() not in values), None)
        if rule.operation.paths:
            for pattern in rule.operation.paths:
                self._paths.add(pattern, entry)
        elif hosts and not any(host.startswith("*") for host in hosts):
            self._key("", host_keys, hosts, entry)
        elif claim is not None:
            self._key(f"claim:{claim}", claim_keys(claim), claims[claim], entry)
        elif compared is not None:
            keys = header_keys(compared.header, apart=self._deny)
            self._key(compared.header, keys, compared.values, entry)
        else:
            self._any.append(entry)

    def _key(self, name: str, keys: Keys, values: Iterable[str], entry: _Entry) -> None:
        _, entries = self._keyed.setdefault(name, (keys, {}))
        for value in set(values):
            entries.setdefault(value.encode(), []).append(entry)


def _all(tests: Sequence[Test], head: RequestHead) -> bool:
    for test in tests:  # noqa: SIM110 - a generator would cost more than most tests do
        if not test(head):
            return False
    return True
