"""What routes do with requests besides forwarding, over sockets."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import (
    App,
    Conversation,
    Proxy,
    Response,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    inbound,
    outbound,
    proxy,
    service,
)
from tests.support.poll import until


class Bench:
    """A gateway and an outbound listener before two echoing versions, under routes that each test sets."""

    def __init__(self, folder: Path) -> None:
        self.heard: dict[str, list[bytes]] = {"v1": [], "v2": []}
        self.apps = {name: App(echo(name, heard)) for name, heard in self.heard.items()}
        self.port, self.outbound = free_port(), free_port()
        self._revision = 0
        self.proxy = Proxy(folder, self._resources([{"name": "default"}], {"v1": 1, "v2": 0}))

    def _resources(self, routes: list[dict[str, Any]], split: dict[str, int]) -> list[dict[str, Any]]:
        return [
            proxy(gateway(self.port), outbound(self.outbound)),
            service(split, routes=routes, revision=self._revision),
            endpoints({name: [app.port] for name, app in self.apps.items()}),
        ]

    def route(self, *, split: dict[str, int] | None = None, **fields: Any) -> None:
        """One route named ``r`` with these fields, then the default."""
        self._revision += 1
        routes = [{"name": "r", **fields}, {"name": "default"}]
        self.proxy.reload(self._resources(routes, split or {"v1": 1, "v2": 0}), revision=self._revision)
        for heard in self.heard.values():
            heard.clear()

    def close(self) -> None:
        self.proxy.close()
        for app in self.apps.values():
            app.close()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("actions"))
    yield made
    made.close()


PREFIX = {"path": {"kind": "prefix", "value": "/api"}}


# --- rewrite, redirect, direct responses, headers


@pytest.mark.parametrize(
    ("match", "rewrite", "asked", "target", "host"),
    [
        (PREFIX, {"prefix": "/v2"}, "/api/x?y=1", "/v2/x?y=1", "catalog.shop.mesh"),
        (PREFIX, {"prefix": "/"}, "/api", "/", "catalog.shop.mesh"),
        ({}, {"path": "/new"}, "/old?y", "/new?y", "catalog.shop.mesh"),
        ({}, {"regex": "/items/([0-9]+)/(.*)", "substitution": r"/\2/\1"}, "/items/7/x", "/x/7", "catalog.shop.mesh"),
        ({}, {"host": "other.example"}, "/a", "/a", "other.example"),
    ],
)
@pytest.mark.parametrize("listener", ["port", "outbound"])
def test_rewrite(
    bench: Bench, listener: str, match: dict[str, Any], rewrite: dict[str, Any], asked: str, target: str, host: str
) -> None:
    bench.route(match=match, rewrite=rewrite)
    found = ask(getattr(bench, listener), asked).json()
    assert found["target"] == target
    assert [value for name, value in found["headers"] if name == "host"] == [host]
    if listener == "port":
        assert dict(found["headers"])["x-forwarded-host"] == "catalog.shop.mesh"


@pytest.mark.parametrize(
    ("redirect", "status", "location"),
    [
        ({"scheme": "https"}, 302, "https://catalog.shop.mesh/api/x?y=1"),
        ({"code": 301, "host": "b.example", "port": 81}, 301, "http://b.example:81/api/x?y=1"),
        ({"code": 308, "prefix": "/v2", "strip_query": True}, 308, "http://catalog.shop.mesh/v2/x"),
        ({"code": 303, "path": "/login"}, 303, "http://catalog.shop.mesh/login?y=1"),
    ],
)
def test_redirect(bench: Bench, redirect: dict[str, Any], status: int, location: str) -> None:
    bench.route(match=PREFIX, redirect=redirect)
    with Conversation.to(bench.port) as client:
        for method in ("GET", "HEAD"):
            client.send(f"{method} /api/x?y=1 HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n".encode())
            response = client.read_response(bodyless=method == "HEAD")
            assert (response.status, response.headers["location"], response.body) == (status, location, b"")
    assert not any(bench.heard.values())
    assert ask(bench.port, "/other").status == 200


def test_direct_response(bench: Bench) -> None:
    direct = {"status": 403, "body": "not here", "content_type": "text/x"}
    bench.route(direct=direct, response_headers={"set": {"x-why": "closed"}})
    with Conversation.to(bench.port) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")
        response = client.read_response()
        assert (response.status, response.body) == (403, b"not here")
        assert response.headers["content-type"] == "text/x"
        assert response.headers["x-why"] == "closed"
        client.send(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.read_response(bodyless=True).headers["content-length"] == "8"
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")  # the connection lives on
        assert client.read_response().body == b"not here"
    assert bench.proxy.count("mesh_requests_total", route="r", response_code="403", response_flags="") == 3
    bench.route(direct={"status": 204})
    assert "content-length" not in ask(bench.port).headers


def test_headers_of_route_and_version(bench: Bench) -> None:
    bench.route(
        request_headers={"set": {"x-a": "route"}, "remove": ["cookie"]},
        response_headers={"set": {"x-r": "route"}, "add": {"x-s": "route"}},
    )
    response = ask(bench.port, headers="X-A: client\r\nCookie: secret=1\r\nx-b: kept\r\n")
    sent = response.json()["headers"]
    assert [value for name, value in sent if name == "x-a"] == ["route"]
    assert dict(sent)["x-b"] == "kept"
    assert "cookie" not in dict(sent)
    assert (response.headers["x-r"], response.headers["x-s"]) == ("route", "route")


def test_versions_have_headers_of_their_own(bench: Bench) -> None:
    def backend(version: str) -> dict[str, Any]:
        return {
            "version": version,
            "weight": 1,
            "request_headers": {"set": {"x-to": version}},
            "response_headers": {"set": {"x-from": version}},
        }

    bench._revision += 1
    routes = [{"name": "r", "split": [backend("v1"), backend("v2")], "request_headers": {"set": {"x-to": "route"}}}]
    bench.proxy.reload(bench._resources(routes, {"v1": 1, "v2": 0}), revision=bench._revision)
    found = set()
    for _ in range(40):
        response = ask(bench.port)
        name = response.json()["app"]
        assert dict(response.json()["headers"])["x-to"] == name
        assert response.headers["x-from"] == name
        found.add(name)
    assert found == {"v1", "v2"}


# --- mirror


def test_mirror_copies_whole_requests_and_hides_their_answers(bench: Bench) -> None:
    bench.route(mirror={"version": "v2", "unsafe": True}, request_headers={"set": {"x-a": "1"}})
    assert ask(bench.port, "/x?y").json()["app"] == "v1"
    with Conversation.to(bench.port) as client:
        client.send(b"POST /y HTTP/1.1\r\nhost: catalog.shop.mesh:99\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        until(lambda: any(b"POST" in head for head in bench.heard["v1"]), "the request streams")
        assert not any(b"POST" in head for head in bench.heard["v2"])
        client.send(b"2\r\nde\r\n0\r\n\r\n")
        assert client.read_response().json()["body"] == "abcde"
    until(lambda: len(bench.heard["v2"]) == 2, "two copies")
    first, second = sorted(bench.heard["v2"])
    assert first.startswith(b"GET /x?y HTTP/1.1\r\n")
    assert b"\r\nhost: catalog.shop.mesh-shadow\r\n" in first.lower()
    assert b"\r\nx-a: 1\r\n" in first
    assert b"\r\nhost: catalog.shop.mesh-shadow:99\r\n" in second.lower()
    until(
        lambda: bench.proxy.count("mesh_requests_total", route="r:mirror", response_code="200") == 2, "copies counted"
    )
    assert bench.proxy.count("mesh_request_bytes_total", route="r:mirror") > 0


def test_mirror_leaves_out_unsafe_methods_and_long_bodies(bench: Bench) -> None:
    bench.route(mirror={"version": "v2"})
    assert ask(bench.port, method="POST", body=b"x").json()["app"] == "v1"
    assert ask(bench.port, method="DELETE").status == 200
    assert ask(bench.port, "/safe").status == 200
    until(lambda: bench.heard["v2"], "the safe one")
    assert [head.split(b" ")[0] for head in bench.heard["v2"]] == [b"GET"]
    bench.route(mirror={"version": "v2", "unsafe": True})
    before = bench.proxy.count("mesh_requests_total", route="r:mirror", response_flags="UO")
    assert ask(bench.port, method="POST", body=b"x" * 70_000).status == 200
    until(
        lambda: bench.proxy.count("mesh_requests_total", route="r:mirror", response_flags="UO") == before + 1,
        "the long one is counted as overflow",
    )
    assert bench.heard["v2"] == []


def test_a_dead_or_silent_mirror_harms_nobody(tmp_path: Path) -> None:
    silent = App(lambda client: client.read_to_end() and None)
    app, port = App(echo("v1")), free_port()
    routes = [{"name": "r", "mirror": {"version": "v2"}, "timeouts": {"request_ms": 300}}]
    for place in (silent.port, free_port()):
        engine = Proxy(
            tmp_path,
            [
                proxy(gateway(port)),
                service({"v1": 1, "v2": 0}, routes=routes),
                endpoints({"v1": [app.port], "v2": [place]}),
            ],
        )
        try:
            with Conversation.to(port) as client:
                for _ in range(150):  # more than may be under way at a time
                    client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                    assert client.read_response().status == 200
            flags = {"UT", "UO"} if place == silent.port else {"UF"}

            def counted(flag: str, engine: Proxy = engine) -> float:
                return engine.count("mesh_requests_total", route="r:mirror", response_flags=flag)

            until(lambda: sum(map(counted, flags)) == 150, f"every copy is counted: {flags}")  # noqa: B023
            assert all(counted(flag) for flag in flags)
        finally:
            engine.close()
    silent.close()
    app.close()


# --- faults


def test_abort_answers_with_its_status(bench: Bench) -> None:
    bench.route(fault={"abort_status": 503, "header": "x-fault"})
    assert ask(bench.port).status == 200
    assert ask(bench.port, headers="X-Fault: yes\r\n").status == 503
    assert bench.proxy.count("mesh_requests_total", route="r", response_code="503", response_flags="FI") == 1
    bench.route(fault={"abort_status": 418, "abort_percent": 50})
    found = Counter(ask(bench.port).status for _ in range(200))
    assert found.keys() == {200, 418}
    assert 50 < found[418] < 150


def test_delay_holds_the_request_back(bench: Bench) -> None:
    bench.route(fault={"delay_ms": 400, "header": "x-slow"})
    with Conversation.to(bench.port) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\nx-slow: 1\r\ncontent-length: 4\r\n\r\nab")
        begun = time.monotonic()
        client.send(b"cd")
        response = client.read_response()
        assert response.json()["body"] == "abcd"
        assert time.monotonic() - begun >= 0.35  # the wheel may be early by none, the clock by little
    assert ask(bench.port).status == 200


def test_a_delay_beyond_the_timeout_is_a_timeout(bench: Bench) -> None:
    bench.route(fault={"delay_ms": 60_000}, timeouts={"request_ms": 300})
    assert ask(bench.port).status == 504
    assert bench.heard["v1"] == []


# --- stickiness


def versions(answers: list[Response]) -> Counter[str]:
    return Counter(answer.json()["app"] for answer in answers)


@pytest.mark.parametrize(
    ("sticky", "header"),
    [
        ({"kind": "header", "name": "X-User"}, lambda user: f"x-user: u{user}\r\n"),
        ({"kind": "cookie", "name": "u"}, lambda user: f"cookie: a=1; u=u{user}\r\n"),
    ],
)
def test_a_growing_canary_keeps_everybody_it_had(
    bench: Bench, sticky: dict[str, Any], header: Callable[[int], str]
) -> None:
    on_canary: set[int] = set()
    for weight in (1, 10, 50, 100):
        bench.route(split={"v1": 100 - weight, "v2": weight}, sticky=sticky)
        answers = [ask(bench.port, headers=header(user)) for user in range(200)]
        now = {user for user, answer in enumerate(answers) if answer.json()["app"] == "v2"}
        assert on_canary <= now
        assert abs(len(now) - 2 * weight) <= 36  # five standard deviations of 200 draws
        assert not any("set-cookie" in answer.headers for answer in answers)
        on_canary = now
    assert len(on_canary) == 200


def test_a_cookie_is_given_and_leads_back(bench: Bench) -> None:
    bench.route(split={"v1": 1, "v2": 1}, sticky={"kind": "cookie", "name": "mesh", "ttl_s": 60})
    found = set()
    for _ in range(20):
        first = ask(bench.port)
        cookie, _, attributes = first.headers["set-cookie"].partition(";")
        assert cookie.startswith("mesh=")
        assert "Max-Age=60" in attributes and "HttpOnly" in attributes
        name = first.json()["app"]
        found.add(name)
        assert {ask(bench.port, headers=f"cookie: {cookie}\r\n").json()["app"] for _ in range(3)} == {name}
    assert found == {"v1", "v2"}


def test_one_source_stays_on_one_version(bench: Bench) -> None:
    bench.route(split={"v1": 1, "v2": 1}, sticky={"kind": "source"})
    assert len(versions([ask(bench.port) for _ in range(30)])) == 1


# --- limits


def test_a_limit_counts_by_header(bench: Bench) -> None:
    bench.route(limits=[{"name": "l", "requests": 3, "per_ms": 60_000, "by": ["header:x-key"]}])
    for key in ("a", "b"):
        statuses = [ask(bench.port, headers=f"X-Key: {key}\r\n").status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
    refused = ask(bench.port, headers="x-key: a\r\n")
    assert int(refused.headers["retry-after"]) in range(1, 21)
    assert refused.headers["ratelimit-limit"] == "3"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"]
    assert bench.proxy.count("mesh_requests_total", route="r", response_code="429", response_flags="RL") == 5
    assert ask(bench.port, headers="x-key: c\r\n").status == 200


def test_a_limit_refills_and_survives_a_change_of_weights(bench: Bench) -> None:
    limit = {"name": "l", "requests": 1, "per_ms": 60_000}
    bench.route(limits=[limit])
    assert [ask(bench.port).status for _ in range(2)] == [200, 429]
    bench.route(limits=[limit], split={"v1": 0, "v2": 1})
    assert ask(bench.port).status == 429
    bench.route(limits=[{**limit, "per_ms": 200}])
    assert ask(bench.port).status == 200
    until(lambda: ask(bench.port).status == 200, "a token came back")


def test_a_services_own_limits_count_by_source(tmp_path: Path) -> None:
    app, port = App(echo("v1")), free_port()
    limits = [{"name": "l", "requests": 2, "per_ms": 60_000, "by": ["source"]}]
    resources = [
        proxy(inbound(port, app.port), service="shop/catalog"),
        {"kind": "inbound", "name": "shop/catalog", "body": {"mtls": "disable", "limits": limits}},
    ]
    engine = Proxy(tmp_path, resources)
    try:
        assert [ask(port).status for _ in range(4)] == [200, 200, 429, 429]
        assert engine.count("mesh_requests_total", reporter="destination", response_flags="RL") == 2
    finally:
        engine.close()
        app.close()
