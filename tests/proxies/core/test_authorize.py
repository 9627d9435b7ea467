"""Access policies: the order of evaluation, every field of a rule, and tables that decide as a plain search would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.authorize import Decision, Guard
from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead, read_request
from proxies.core.rules import Who, policy_flaws, unmet
from proxies.wire.policies import Policy

FRONT = Who("shop/frontend", "10.0.0.7")
STRANGER = Who("", "203.0.113.9")


def policy(action: str = "allow", *rules: dict[str, Any], name: str = "p", mode: str = "enforce") -> Policy:
    said = {"name": name, "action": action, "mode": mode, "rules": list(rules)}
    return msgspec.convert(said, Policy)


def ask(path: str = "/", method: str = "GET", host: str = "a", *fields: str) -> RequestHead:
    return read_request("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]).encode())


def allowed(*policies: Policy, who: Who = FRONT, head: RequestHead | None = None, default: Any = "deny") -> Decision:
    return Guard(policies, default, port=8080).decide(who, head or ask())


ALL = {"caller": {}}


@pytest.mark.parametrize(
    ("policies", "default", "expected"),
    [
        ([], "allow", (True, "")),
        ([], "deny", (False, "")),
        ([policy("deny", ALL)], "allow", (False, "p")),
        ([policy("deny")], "allow", (True, "")),
        ([policy("allow", ALL)], "deny", (True, "p")),
        ([policy("allow")], "allow", (False, "p")),
        ([policy("allow", {"caller": {"namespaces": ["bank"]}})], "allow", (False, "p")),
        ([policy("allow", ALL), policy("deny", ALL, name="no")], "allow", (False, "no")),
        ([policy("deny", {"operation": {"methods": ["PUT"]}}, name="no")], "deny", (False, "")),
        ([policy("deny", {"operation": {"methods": ["PUT"]}}, name="no")], "allow", (True, "")),
        ([policy("allow", name="none"), policy("allow", ALL)], "deny", (True, "p")),
    ],
)
def test_the_order_of_evaluation(policies: list[Policy], default: str, expected: tuple[bool, str]) -> None:
    decision = allowed(*policies, default=default)
    assert (decision.allowed, decision.policy) == expected


RULES: list[tuple[dict[str, Any], Who, RequestHead, bool]] = [
    ({"caller": {"services": ["shop/frontend"]}}, FRONT, ask(), True),
    ({"caller": {"services": ["shop/cart"]}}, FRONT, ask(), False),
    ({"caller": {"services": ["shop/*"]}}, FRONT, ask(), True),
    ({"caller": {"services": ["shop/*"]}}, STRANGER, ask(), False),
    ({"caller": {"namespaces": ["shop"]}}, FRONT, ask(), True),
    ({"caller": {"namespaces": ["shop"]}}, STRANGER, ask(), False),
    ({"caller": {"not_services": ["shop/frontend"]}}, FRONT, ask(), False),
    ({"caller": {"not_services": ["shop/frontend"]}}, STRANGER, ask(), True),
    ({"caller": {"not_namespaces": ["shop"]}}, FRONT, ask(), False),
    ({"caller": {"not_namespaces": ["shop"]}}, STRANGER, ask(), True),
    ({"caller": {"cidrs": ["10.0.0.0/8"]}}, FRONT, ask(), True),
    ({"caller": {"cidrs": ["10.0.0.0/8"]}}, STRANGER, ask(), False),
    ({"caller": {"cidrs": ["10.0.0.7"]}}, Who("", "::ffff:10.0.0.7"), ask(), True),
    ({"caller": {"not_cidrs": ["10.0.0.0/8"]}}, FRONT, ask(), False),
    ({"caller": {"services": ["shop/frontend"], "cidrs": ["192.0.2.0/24"]}}, FRONT, ask(), False),
    ({"operation": {"methods": ["GET", "HEAD"]}}, FRONT, ask(), True),
    ({"operation": {"methods": ["PUT"]}}, FRONT, ask(), False),
    ({"operation": {"not_methods": ["GET"]}}, FRONT, ask(), False),
    ({"operation": {"ports": [8080]}}, FRONT, ask(), True),
    ({"operation": {"ports": [9090]}}, FRONT, ask(), False),
    ({"operation": {"not_ports": [8080]}}, FRONT, ask(), False),
    ({"operation": {"hosts": ["a.example"]}}, FRONT, ask(host="A.Example:81"), True),
    ({"operation": {"hosts": ["*.example"]}}, FRONT, ask(host="a.example"), True),
    ({"operation": {"hosts": ["*.example"]}}, FRONT, ask(host="axexample"), False),
    ({"operation": {"not_hosts": ["*"]}}, FRONT, ask(), False),
    ({"operation": {"paths": ["/a"]}}, FRONT, ask("/a"), True),
    ({"operation": {"paths": ["/a"]}}, FRONT, ask("/a/"), False),
    ({"operation": {"paths": ["/a"]}}, FRONT, ask("//x/../%61?q"), True),
    ({"operation": {"paths": ["/a/*"]}}, FRONT, ask("/a/b/c"), True),
    ({"operation": {"paths": ["/a/*"]}}, FRONT, ask("/a"), False),
    ({"operation": {"paths": ["/a*"]}}, FRONT, ask("/abc"), True),
    ({"operation": {"paths": ["*.json"]}}, FRONT, ask("/x/y.json"), True),
    ({"operation": {"paths": ["/a/{id}/b"]}}, FRONT, ask("/a/7/b"), True),
    ({"operation": {"paths": ["/a/{id}/b"]}}, FRONT, ask("/a/7/8/b"), False),
    ({"operation": {"paths": ["*"]}}, FRONT, ask("/anything"), True),
    ({"operation": {"not_paths": ["/admin/*"]}}, FRONT, ask("/x/../admin//y"), False),
    ({"operation": {"paths": ["/a/*"], "not_paths": ["/a/b"]}}, FRONT, ask("/a/c"), True),
    ({"when": [{"header": "x-tier", "values": ["gold"]}]}, FRONT, ask("/", "GET", "a", "X-Tier: gold"), True),
    ({"when": [{"header": "x-tier", "values": ["gold"]}]}, FRONT, ask(), False),
    ({"when": [{"header": "x-tier", "not_values": ["gold"]}]}, FRONT, ask(), True),
    ({"when": [{"header": "x-tier", "not_values": ["gold"]}]}, FRONT, ask("/", "GET", "a", "x-tier: gold"), False),
]


@pytest.mark.parametrize(("rule", "who", "head", "matches"), RULES)
def test_every_field_of_a_rule(rule: dict[str, Any], who: Who, head: RequestHead, matches: bool) -> None:
    assert allowed(policy("allow", rule), who=who, head=head).allowed is matches
    assert allowed(policy("deny", rule), who=who, head=head, default="allow").allowed is not matches
    for action in ("allow", "deny"):
        (found,) = policy(action, rule).rules
        failed = unmet(found, who, head, deny=action == "deny", port=8080, clock=lambda: 0.0)
        assert bool(failed) is not matches


@pytest.mark.parametrize("fields", [("X-Tier: gold", "X-Tier: x"), ("x-tier: x,gold",), ("x-tier: x ,\tgold",)])
def test_a_second_value_neither_allows_nor_escapes_a_deny(fields: tuple[str, ...]) -> None:
    gold = {"when": [{"header": "x-tier", "values": ["gold"]}]}
    head = ask("/", "GET", "a", *fields)
    assert not allowed(policy("allow", gold), head=head).allowed
    assert not allowed(policy("deny", gold), head=head, default="allow").allowed


def test_a_dot_at_the_end_of_a_host_is_no_other_host() -> None:
    assert not allowed(
        policy("deny", {"operation": {"hosts": ["a.b"]}}), head=ask(host="a.b."), default="allow"
    ).allowed
    assert not allowed(
        policy("deny", {"operation": {"hosts": ["*.b"]}}), head=ask(host="a.b."), default="allow"
    ).allowed


@pytest.mark.parametrize(
    ("at", "hours", "within"),
    [
        ("2026-11-23T09:00", {"start": 540, "end": 1020}, True),  # a Monday
        ("2026-11-23T08:59", {"start": 540, "end": 1020}, False),
        ("2026-11-23T17:00", {"start": 540, "end": 1020}, False),
        ("2026-11-23T09:00", {"days": [0]}, True),
        ("2026-11-24T09:00", {"days": [0]}, False),
        ("2026-11-23T23:30", {"start": 1320, "end": 360, "days": [0]}, True),
        ("2026-11-24T05:59", {"start": 1320, "end": 360, "days": [0]}, True),
        ("2026-11-24T06:00", {"start": 1320, "end": 360, "days": [0]}, False),
        ("2026-11-23T05:00", {"start": 1320, "end": 360, "days": [0]}, False),
    ],
)
def test_hours_of_the_week(at: str, hours: dict[str, Any], within: bool) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    guard = Guard([policy("allow", {"hours": hours})], "deny", clock=lambda: now)
    assert guard.decide(FRONT, ask()).allowed is within
    assert guard.decide_connection(FRONT).allowed is within


def test_time_is_looked_at_each_time() -> None:
    now = [0.0]
    guard = Guard([policy("allow", {"hours": {"start": 60, "end": 120}})], "deny", clock=lambda: now[0])
    assert not guard.decide(FRONT, ask()).allowed
    now[0] = 3600.0
    assert guard.decide(FRONT, ask()).allowed


def test_without_http_its_fields_hold_for_deny_and_not_for_allow() -> None:
    paths = {"operation": {"paths": ["*.secret"]}}
    assert not Guard([policy("deny", paths)], "allow").decide_connection(FRONT).allowed
    assert not Guard([policy("allow", paths)], "allow").decide_connection(FRONT).allowed
    assert Guard([policy("allow", {"caller": {"services": ["shop/*"]}})], "deny").decide_connection(FRONT).allowed
    assert Guard([policy("deny", {"caller": {"services": ["bank/*"]}})], "allow").decide_connection(FRONT).allowed


def test_a_shadow_decides_nothing_and_names_itself() -> None:
    allow = policy("allow", ALL)
    shadow = policy("deny", {"operation": {"methods": ["GET"]}}, name="later", mode="shadow")
    assert allowed(allow, shadow) == Decision(True, "p", 0, "later")
    assert allowed(allow, shadow, head=ask("/", "PUT")) == Decision(True, "p", 0)
    twins = [policy("allow", {"caller": {"namespaces": ["bank"]}}, name=name, mode="shadow") for name in ("one", "two")]
    assert allowed(*twins, default="allow") == Decision(True, "", -1, "one"), (
        "of several that would not match, the first"
    )
    narrow = policy("allow", {"caller": {"namespaces": ["bank"]}}, name="narrow", mode="shadow")
    assert allowed(narrow, default="allow") == Decision(True, "", -1, "narrow")


def test_what_a_request_does_not_meet_is_named() -> None:
    said = {
        "caller": {"services": ["bank/ledger"], "not_namespaces": ["shop"]},
        "operation": {"methods": ["GET"], "paths": ["/a"], "not_paths": ["/b", "/*"], "ports": [1]},
        "when": [{"header": "a", "values": ["b"]}, {"header": "host", "not_values": ["x"]}],
        "hours": {"start": 60, "end": 120},
    }
    (rule,) = policy("allow", said).rules
    assert unmet(rule, FRONT, ask("/b"), deny=False, port=8080, clock=lambda: 0.0) == [
        "caller.services",
        "caller.not_namespaces",
        "operation.ports",
        "operation.not_paths",
        "operation.paths",
        "when.0",
        "hours",
    ]


def test_any_path_is_also_that_of_the_whole_server() -> None:
    assert not allowed(
        policy("deny", {"operation": {"paths": ["*"]}}), head=ask("*", "OPTIONS"), default="allow"
    ).allowed


def test_the_rule_that_decided_is_named() -> None:
    many = policy("allow", {"operation": {"paths": ["/a"]}}, {"operation": {"paths": ["/b"]}})
    assert allowed(many, head=ask("/b")) == Decision(True, "p", 1)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"operation": {"paths": ["/a/*/b"]}}, "rules.0.operation.paths.0"),
        ({"operation": {"paths": ["/a", "*x*"]}}, "rules.0.operation.paths.1"),
        ({"operation": {"not_paths": ["/a/x{id}"]}}, "rules.0.operation.not_paths.0"),
        ({"operation": {"paths": ["/a%2fb"]}}, "rules.0.operation.paths.0"),
        ({"operation": {"paths": ["*/%61dmin"]}}, "rules.0.operation.paths.0"),
        ({"operation": {"paths": ["/a/{x}/../b"]}}, "rules.0.operation.paths.0"),
        ({"caller": {"cidrs": ["10.0.0.0/33"]}}, "rules.0.caller.cidrs.0"),
        ({"when": [{"header": "x"}]}, "rules.0.when.0"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(rule: dict[str, Any], path: str) -> None:
    (flaw,) = policy_flaws(policy("allow", rule))
    assert flaw.path == path
    with pytest.raises(BadMessage):
        Guard([policy("allow", rule)], "deny")


# --- the tables decide as a plain search does

SERVICES = ["shop/frontend", "shop/cart", "bank/ledger"]
PATHS = ["/", "/a", "/a/b", "/a/b/c", "/b", "/x.json"]
rules = st.fixed_dictionaries(
    {},
    optional={
        "caller": st.fixed_dictionaries(
            {}, optional={"services": st.lists(st.sampled_from([*SERVICES, "shop/*"]), max_size=2)}
        ),
        "operation": st.fixed_dictionaries(
            {},
            optional={
                "methods": st.lists(st.sampled_from(["GET", "PUT"]), max_size=2),
                "paths": st.lists(
                    st.sampled_from(["/a", "/a/*", "/a/b*", "*.json", "/a/{x}", "/{x}/b", "*"]), max_size=2
                ),
                "not_paths": st.lists(st.sampled_from(["/a/b", "/b"]), max_size=1),
                "hosts": st.lists(st.sampled_from(["a", "b", "*.b"]), max_size=2),
            },
        ),
        "when": st.lists(
            st.fixed_dictionaries(
                {"header": st.just("x-tier"), "values": st.lists(st.sampled_from(["gold", "a, b"]), min_size=1)},
                optional={"not_values": st.just(["lead"])},
            ),
            max_size=2,
        ),
    },
)
policies = st.lists(
    st.builds(
        lambda action, mode, found: policy(action, *found, mode=mode),
        st.sampled_from(["allow", "deny"]),
        st.sampled_from(["enforce", "enforce", "shadow"]),
        st.lists(rules, max_size=3),
    ),
    max_size=4,
)


def plainly(found: list[Policy], who: Who, head: RequestHead, default: bool) -> bool:
    """The rule of evaluation, without tables."""

    def path_matches(pattern: str, path: str) -> bool:
        if "{" in pattern:
            parts, found = pattern.split("/"), path.split("/")
            alike = (bool(y) if x == "{x}" else x == y for x, y in zip(parts, found, strict=False))
            return len(parts) == len(found) and all(alike)
        if pattern.startswith("*"):
            return path.endswith(pattern[1:])
        return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern

    def host_matches(pattern: str) -> bool:
        host = head.host.decode()
        return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern

    def header_matches(condition: Any, deny: bool) -> bool:
        found = [line.partition(b":")[2].decode().strip() for line in head.lines[1:] if line.startswith(b"x-tier")]
        whole = ", ".join(found)
        said = [whole, *(whole.split(", ") if deny else ())] if found else []
        return any(value in condition.values for value in said) and whole not in condition.not_values

    def rule_matches(rule: Any, deny: bool) -> bool:
        caller, operation, path = rule.caller, rule.operation, head.path.decode()
        names = (who.service, who.service.split("/")[0] + "/*")
        return (
            (not caller.services or any(name in caller.services for name in names))
            and (not operation.methods or head.method.decode() in operation.methods)
            and (not operation.paths or any(path_matches(each, path) for each in operation.paths))
            and not any(path_matches(each, path) for each in operation.not_paths)
            and (not operation.hosts or any(map(host_matches, operation.hosts)))
            and all(header_matches(condition, deny) for condition in rule.when)
        )

    matched = {action: [p for p in found if p.action == action] for action in ("allow", "deny")}
    if any(rule_matches(rule, True) for each in matched["deny"] for rule in each.rules):
        return False
    if not matched["allow"]:
        return default
    return any(rule_matches(rule, False) for each in matched["allow"] for rule in each.rules)


requests = st.builds(
    lambda path, method, host, tiers: ask(path, method, host, *(f"x-tier: {tier}" for tier in tiers)),
    st.sampled_from(PATHS),
    st.sampled_from(["GET", "PUT"]),
    st.sampled_from(["a", "b", "a.b"]),
    st.lists(st.sampled_from(["gold", "lead", "a", "b"]), max_size=2),
)


@given(policies, st.sampled_from(SERVICES), requests, st.booleans())
def test_tables_decide_as_a_search_does(found: list[Policy], service: str, head: RequestHead, default: bool) -> None:
    who = Who(service, "10.0.0.1")
    guard = Guard(found, "allow" if default else "deny")
    expected = plainly([p for p in found if p.mode == "enforce"], who, head, default)
    for _ in range(2):  # the second answer is remembered
        decision = guard.decide(who, head)
        assert decision.allowed is expected
        assert bool(decision.shadow) is (plainly(found, who, head, default) is not expected)


def test_callers_within_the_same_ranges_share_a_table() -> None:
    guard = Guard([policy("deny", {"caller": {"cidrs": ["10.0.0.0/8"]}})], "allow")
    for number in range(300):
        assert not guard.decide(Who("", f"10.0.1.{number % 250}"), ask()).allowed
        assert guard.decide(Who("", f"192.0.2.{number % 250}"), ask()).allowed
    assert len(guard._kinds) == 2


def test_what_callers_send_fills_no_memory() -> None:
    guard = Guard([policy("allow", {"operation": {"paths": ["/x*"]}})], "deny")
    for number in range(5_000):
        assert guard.decide(FRONT, ask(f"/x{number}")).allowed
    assert guard.decide(FRONT, ask("/x" + "y" * 5_000)).allowed
    (tables,) = guard._kinds.values()
    assert len(tables._remembered) < 4_100
    assert not any(len(path) > 256 for path, _, _ in tables._remembered)


def test_addresses_of_both_families() -> None:
    rule = {"caller": {"cidrs": ["2001:db8::/32"]}}
    assert allowed(policy("allow", rule), who=Who("", "2001:db8::5")).allowed
    assert not allowed(policy("allow", rule), who=Who("", "10.0.0.1")).allowed
