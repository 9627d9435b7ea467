"""Conditions of routes: each kind against requests, and what is refused as a condition."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.match import compile_match, match_flaws
from proxies.core.routes import compile_routes, first_match
from proxies.wire.routing import Route, RouteMatch
from tests.proxies.core.requests import request


def match(**fields: Any) -> RouteMatch:
    return msgspec.convert(fields, RouteMatch)


def path(kind: str, value: str) -> RouteMatch:
    return match(path={"kind": kind, "value": value})


@pytest.mark.parametrize(
    ("kind", "value", "yes", "no"),
    [
        ("exact", "/a", ["/a", "/a?b", "/./a", "/%61"], ["/a/", "/ab", "/"]),
        ("prefix", "/a", ["/a", "/a/", "/a/b?c"], ["/ab", "/"]),
        ("prefix", "/a/", ["/a", "/a/b"], ["/ab"]),
        ("prefix", "/", ["/", "/a"], []),
        ("template", "/items/{id}/reviews", ["/items/7/reviews", "/items/x%20y/reviews"], ["/items/reviews"]),
        ("template", "/items/{id}", ["/items/7"], ["/items", "/items/", "/items/7/", "/items/7/x"]),
        ("template", "/files/{rest=**}", ["/files/", "/files/a", "/files/a/b/"], ["/files", "/filesystem/a"]),
        ("template", "/{a}/x/{rest=**}", ["/1/x/2/3"], ["//x/2", "/1/y/2"]),
        ("template", "/plain", ["/plain"], ["/plain/"]),
        ("regex", "/items/[0-9]+", ["/items/12"], ["/items/12/x", "/items/x", "/x/items/1"]),
        ("regex", r"(?i).*\.PNG", ["/a/b.png", "/.PnG"], ["/a.png/b"]),
        ("regex", "/%E2%82%AC", ["/%e2%82%ac"], ["/e"]),
    ],
)
def test_paths(kind: str, value: str, yes: list[str], no: list[str]) -> None:
    matches = compile_match(path(kind, value))
    for target in yes:
        assert matches is None or matches(request(target)), target
    for target in no:
        assert matches is not None and not matches(request(target)), target


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ({"name": "q", "kind": "exact", "value": "a b"}, ["?q=a+b", "?x&q=a%20b"], ["?q=a", "?Q=a+b", ""]),
        ({"name": "q", "kind": "exact", "value": "1"}, ["?q=1&q=2"], ["?q=2&q=1"]),
        ({"name": "ü", "kind": "exact", "value": "ß"}, ["?%C3%BC=%C3%9F"], ["?u=s"]),
        ({"name": "q", "kind": "prefix", "value": "te"}, ["?q=test"], ["?q=t", "?p=te"]),
        ({"name": "q", "kind": "regex", "value": "[0-9]{1,3}"}, ["?q=12"], ["?q=1234", "?q=", "?"]),
        ({"name": "q", "kind": "present"}, ["?q", "?q=", "?a&q=1"], ["?qq", "", "?"]),
        ({"name": "q", "kind": "exact", "value": "1", "invert": True}, ["?q=2", ""], ["?q=1"]),
    ],
)
def test_query(condition: dict[str, Any], yes: list[str], no: list[str]) -> None:
    matches = compile_match(match(query=[condition]))
    assert matches is not None
    assert all(matches(request(f"/{query}")) for query in yes)
    assert not any(matches(request(f"/{query}")) for query in no)


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        (
            {"name": "c", "kind": "exact", "value": "1"},
            ["c=1", "a=2; c=1", 'c="1"', "c=1;c=2"],
            ["c=2; c=1", "C=1", ""],
        ),
        ({"name": "c", "kind": "prefix", "value": "x"}, ["c=xy"], ["c=y"]),
        ({"name": "c", "kind": "regex", "value": "a|b"}, ["c=a"], ["c=ab", "a=a"]),
        ({"name": "c", "kind": "present"}, ["c="], ["c", "cc=1"]),
        ({"name": "c", "kind": "present", "invert": True}, ["", "a=1"], ["c=1"]),
    ],
)
def test_cookies(condition: dict[str, Any], yes: list[str], no: list[str]) -> None:
    matches = compile_match(match(cookies=[condition]))
    assert matches is not None
    assert all(matches(request("/", *([f"Cookie: {value}"] if value else []))) for value in yes)
    assert not any(matches(request("/", *([f"Cookie: {value}"] if value else []))) for value in no)


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ({"kind": "exact", "value": "a, b"}, [["x: a", "X: b"]], [["x: a"], []]),
        ({"kind": "regex", "value": "a.c"}, [["x: abc"]], [["x: abcd"], ["y: abc"], []]),
        ({"kind": "regex", "value": "a", "invert": True}, [["x: b"], []], [["x: a"]]),
        ({"kind": "present"}, [["x:"]], [[]]),
    ],
)
def test_headers(condition: dict[str, Any], yes: list[list[str]], no: list[list[str]]) -> None:
    matches = compile_match(match(headers=[{"name": "x", **condition}]))
    assert matches is not None
    assert all(matches(request("/", *lines)) for lines in yes)
    assert not any(matches(request("/", *lines)) for lines in no)


def test_all_conditions_hold_together() -> None:
    matches = compile_match(
        match(
            path={"kind": "prefix", "value": "/a"},
            methods=["GET", "HEAD"],
            query=[{"name": "q", "kind": "present"}],
            cookies=[{"name": "c", "kind": "present"}],
        )
    )
    assert matches is not None
    assert matches(request("/a?q", "cookie: c=1"))
    assert not matches(request("/a?q", "cookie: c=1", method="POST"))
    assert not matches(request("/a", "cookie: c=1"))
    assert not matches(request("/a?q"))
    assert not matches(request("/b?q", "cookie: c=1"))


def test_a_route_is_for_its_sources_and_the_first_match_wins() -> None:
    routes = [
        Route(name="one", match=match(sources=["shop/web"])),
        Route(name="space", match=match(sources=["tools/*", "shop/cart"])),
        Route(name="rest"),
    ]
    taken = {"shop/web": "one", "shop/cart": "space", "tools/x": "space", "toolshed/x": "rest", "unknown": "rest"}
    for source, name in taken.items():
        route = first_match(compile_routes(routes, source), request())
        assert route is not None and route.name == name
    assert first_match(compile_routes(routes[:2], "a/b"), request()) is None


@pytest.mark.parametrize(
    ("wrong", "place", "code"),
    [
        (path("exact", "a"), "path.value", "invalid"),
        (path("prefix", "/a%2Fb"), "path.value", "invalid"),
        (path("regex", "("), "path.value", "invalid"),
        (path("regex", "(?=x)"), "path.value", "invalid"),
        (path("regex", "((a{100}){100}){10}"), "path.value", "invalid"),
        (path("template", "/a{id}"), "path.value", "invalid"),
        (path("template", "/{id}}"), "path.value", "invalid"),
        (path("template", "/{}"), "path.value", "invalid"),
        (path("template", "/{a=**}/b"), "path.value", "invalid"),
        (match(query=[{"name": "q", "kind": "regex", "value": "["}]), "query.0.value", "invalid"),
        (match(cookies=[{"name": "q", "kind": "exact"}]), "cookies.0.value", "required"),
        (match(headers=[{"name": "q", "kind": "present", "value": "1"}]), "headers.0.value", "unused"),
    ],
)
def test_flaws_name_their_field(wrong: RouteMatch, place: str, code: str) -> None:
    assert [(flaw.path, flaw.code) for flaw in match_flaws(wrong)] == [(place, code)]


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_flaw(text: str) -> None:
    for kind in ("regex", "template", "exact"):
        wanted = match(path={"kind": kind, "value": text or "/"})
        if not list(match_flaws(wanted)):
            compile_match(wanted)


def test_a_hostile_pattern_costs_no_time() -> None:
    matches = compile_match(path("regex", "/(a+)+b"))
    assert matches is not None
    assert not matches(request("/" + "a" * 5000))  # a backtracking engine would not come back


def test_without_patterns_the_engine_is_not_loaded() -> None:
    code = (
        "import sys; from proxies.core.match import compile_match; from proxies.wire.routing import *;"
        "compile_match(RouteMatch(path=PathMatch(kind='template', value='/{a}'))); sys.exit('re2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
