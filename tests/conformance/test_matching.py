"""Every kind of match, over sockets: which of the routes a request takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.harness import (
    App,
    Proxy,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    outbound,
    proxy,
    service,
)

ROUTES: dict[str, dict[str, Any]] = {
    "other-source": {"sources": ["shop/cart", "tools/*"]},
    "own-source": {"path": {"kind": "exact", "value": "/source"}, "sources": ["shop/frontend"]},
    "template": {"path": {"kind": "template", "value": "/items/{id}/reviews"}},
    "template-rest": {"path": {"kind": "template", "value": "/files/{path=**}"}},
    "regex": {"path": {"kind": "regex", "value": "/v[0-9]+/.*"}},
    "query-exact": {"query": [{"name": "exact", "kind": "exact", "value": "a b"}]},
    "query-prefix": {"query": [{"name": "prefix", "kind": "prefix", "value": "te"}]},
    "query-regex": {"query": [{"name": "regex", "kind": "regex", "value": "[a-c]+"}]},
    "query-present": {"query": [{"name": "present", "kind": "present"}]},
    "cookie": {"cookies": [{"name": "tier", "kind": "exact", "value": "gold"}]},
    "cookie-regex": {"cookies": [{"name": "tier", "kind": "regex", "value": "silver|tin"}]},
    "header-regex": {"headers": [{"name": "x-re", "kind": "regex", "value": "a+"}]},
    "header-present": {"headers": [{"name": "x-here", "kind": "present"}]},
    "both": {
        "methods": ["PUT"],
        "query": [{"name": "a", "kind": "present", "invert": True}],
        "path": {"kind": "prefix", "value": "/both"},
    },
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """A service with one version for each route, so that the app that answers names the route."""
    apps = {name: App(echo(name)) for name in (*ROUTES, "default")}
    routes = [
        {"name": name, "match": match, "split": [{"version": name, "weight": 1}]} for name, match in ROUTES.items()
    ]
    split = {**dict.fromkeys(ROUTES, 0), "default": 1}
    places = {"gateway": free_port(), "outbound": free_port()}
    resources = [
        proxy(gateway(places["gateway"]), outbound(places["outbound"])),
        service(split, routes=[*routes, {"name": "default"}]),
        endpoints({name: [app.port] for name, app in apps.items()}),
    ]
    engine = Proxy(tmp_path_factory.mktemp("matching"), resources)
    yield places
    engine.close()
    for app in apps.values():
        app.close()


@pytest.mark.parametrize("listener", ["gateway", "outbound"])
@pytest.mark.parametrize(
    ("target", "headers", "route"),
    [
        ("/", "", "default"),
        ("/source", "", "own-source"),
        ("/items/7/reviews", "", "template"),
        ("/items/7/reviews/1", "", "default"),
        ("/items//reviews", "", "default"),
        ("/files/a/b", "", "template-rest"),
        ("/files", "", "default"),
        ("/v12/x", "", "regex"),
        ("/v12", "", "default"),
        ("/a/../v1/x?y", "", "regex"),
        ("/?exact=a+b", "", "query-exact"),
        ("/?exact=a%20b&x", "", "query-exact"),
        ("/?exact=b&exact=a+b", "", "default"),
        ("/?prefix=test", "", "query-prefix"),
        ("/?regex=abc", "", "query-regex"),
        ("/?regex=abcd", "", "default"),
        ("/?present", "", "query-present"),
        ("/", "cookie: a=1; tier=gold\r\n", "cookie"),
        ("/", "cookie: a=1\r\ncookie: tier=gold\r\n", "cookie"),
        ("/", "cookie: tier=tin\r\n", "cookie-regex"),
        ("/", "cookie: tier=golden\r\n", "default"),
        ("/", "X-Re: aaa\r\n", "header-regex"),
        ("/", "x-re: aab\r\n", "default"),
        ("/", "x-here:\r\n", "header-present"),
    ],
)
def test_the_route_that_matches(ports: dict[str, int], listener: str, target: str, headers: str, route: str) -> None:
    assert ask(ports[listener], target, headers=headers).json()["app"] == route


@pytest.mark.parametrize(
    ("method", "target", "route"),
    [("PUT", "/both", "both"), ("PUT", "/both?a", "default"), ("GET", "/both", "default"), ("PUT", "/", "default")],
)
def test_conditions_hold_together(ports: dict[str, int], method: str, target: str, route: str) -> None:
    assert ask(ports["gateway"], target, method=method).json()["app"] == route
