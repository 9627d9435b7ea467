"""The access log of a proxy that serves: which requests are in it, and the rule that decided on each."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import (
    HOST,
    SERVICE,
    App,
    Conversation,
    Proxy,
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
from tests.support.pki import Authority
from tests.support.poll import until

DB = "shop/db"
CATALOG_V2 = {"path": {"kind": "prefix", "value": "/limited"}}
ROUTES = [
    {"name": "limited", "match": CATALOG_V2, "limits": [{"name": "spend", "requests": 1, "per_ms": 3_600_000}]},
    {"name": "default"},
]
POLICIES = [
    {
        "name": "no-admin",
        "action": "deny",
        "rules": [{"operation": {"paths": ["/other"]}}, {"operation": {"paths": ["/admin"]}}],
    },
    {"name": "readers", "action": "allow", "rules": [{"operation": {"methods": ["GET"]}}]},
]


class Logged:
    """A gateway, an outbound, an inbound and a TCP listener in one proxy that keeps an access log."""

    def __init__(self, folder: Path, log: dict[str, Any] | None, *, workers: int = 1) -> None:
        self.file = folder / "access.log"
        self.app, self.db = App(echo("v1")), App(lambda client: client.send(client.read_until(b"\n") * 2))
        self.gateway, self.outbound, self.inbound, self.tcp = (free_port() for _ in range(4))
        self.proxy = Proxy(folder, self.resources(log), workers=workers, flags=["--access-log", str(self.file)])

    def resources(self, log: dict[str, Any] | None, revision: int = 1) -> list[dict[str, Any]]:
        trust = {"trust_domain": "mesh.local", "bundle": []}
        return [
            proxy(
                gateway(self.gateway, (HOST, SERVICE)),
                outbound(self.outbound),
                inbound(self.inbound, self.app.port, "shop/frontend"),
                {"kind": "tcp", "port": self.tcp, "service": DB},
            ),
            {"kind": "trust", "name": "", "body": trust if log is None else {**trust, "access_log": log}},
            service({"v1": 1}, routes=ROUTES, revision=revision),
            endpoints({"v1": [self.app.port]}),
            service({"v1": 1}, name=DB, routes=[], protocol="tcp", port=5432),
            endpoints({"v1": [self.db.port]}, name=DB),
            {"kind": "inbound", "name": "shop/frontend", "body": {"mtls": "disable", "policies": POLICIES}},
        ]

    def lines(self, count: int) -> list[dict[str, Any]]:
        """All that was written, once it is so much; a request more shows that there is no more."""
        until(lambda: len(self.file.read_text().splitlines()) >= count, f"{count} lines")
        found = [json.loads(line) for line in self.file.read_text().splitlines()]
        assert len(found) == count, found
        return found

    def line(self) -> dict[str, Any]:
        return self.lines(1)[0]

    def close(self) -> None:
        self.proxy.close()
        self.app.close()
        self.db.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    found = Logged(tmp_path_factory.mktemp("logged"), {"percent": 100})
    yield found
    found.close()


@pytest.fixture
def logged(shared: Logged) -> Logged:
    """Shared, its log empty."""
    shared.file.write_text("")
    return shared


def test_a_line_tells_all_of_a_request(logged: Logged) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = f"user-agent: test/1\r\nx-request-id: abc\r\ntraceparent: 00-{trace}-b7ad6b7169203331-00\r\n"
    assert ask(logged.outbound, "/a//b?token=secret", headers=headers, method="POST", body=b"hello").status == 200
    line = logged.line()
    assert line.pop("time").endswith("Z")
    assert 0 < line.pop("first_byte_ms") <= line.pop("duration_ms")
    assert line.pop("response_bytes") > 0
    assert line == {
        "kind": "client",
        "reporter": "source",
        "source": "shop/frontend",
        "source_version": "v1",
        "destination": "shop/catalog",
        "destination_version": "v1",
        "route": "default",
        "protocol": "http",
        "secured": False,
        "peer": "127.0.0.1",
        "identity": "",
        "code": 200,
        "flags": "",
        "rule": "",
        "request_bytes": 5,
        "endpoint": f"127.0.0.1:{logged.app.port}",
        "tries": 1,
        "method": "POST",
        "host": HOST,
        "path": "/a/b",
        "trace_id": trace,
        "request_id": "abc",
        "user_agent": "test/1",
    }
    assert "secret" not in logged.file.read_text()


def test_ids_are_told_where_the_proxy_made_them(logged: Logged) -> None:
    headers = dict(ask(logged.gateway).json()["headers"])
    line = logged.line()
    assert (line["request_id"], line["kind"]) == (headers["x-request-id"], "server")
    assert line["trace_id"] == headers["traceparent"][3:35]


@pytest.mark.parametrize(
    ("path", "method", "status", "flags", "rule"),
    [
        ("/", "GET", 200, "", "policy:readers/0"),
        ("/admin", "GET", 403, "UAEX", "policy:no-admin/1"),
        ("/", "POST", 403, "UAEX", "policy:readers"),
    ],
)
def test_the_rule_that_decided_is_named(
    logged: Logged, path: str, method: str, status: int, flags: str, rule: str
) -> None:
    assert ask(logged.inbound, path, method=method).status == status
    line = logged.line()
    assert (line["code"], line["flags"], line["rule"]) == (status, flags, rule)
    assert (line["reporter"], line["tries"]) == ("destination", int(status == 200))


def test_the_limit_that_was_reached_is_named(logged: Logged) -> None:
    assert [ask(logged.outbound, "/limited").status for _ in range(2)] == [200, 429]
    assert [(line["code"], line["flags"], line["rule"]) for line in logged.lines(2)] == [
        (200, "", ""),
        (429, "RL", "limit:spend"),
    ]


@pytest.mark.parametrize(
    ("sent", "status", "rule"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "malformed:more than one host"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed:missing host"),
        (b"\x16\x03\x01\r\n", 400, "malformed:malformed head"),
        (b"GET /\x1b[31m HTTP/1.1\r\nhost: a\r\n\r\n", 400, ""),
        (b"POST / HTTP/1.1\r\nhost: %b\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" % HOST.encode(), 400, ""),
    ],
)
def test_what_is_no_request_is_written_down_with_the_reason(
    logged: Logged, sent: bytes, status: int, rule: str
) -> None:
    with Conversation.to(logged.gateway) as client, suppress(ConnectionError):
        client.send(sent)
        client.read_to_end()
    line = logged.line()
    assert (line["code"], line["flags"], line["peer"]) == (status, "DPE", "127.0.0.1")
    assert line["rule"].startswith("malformed:")
    assert line["rule"] == rule or not rule


def test_a_client_cannot_forge_a_line(logged: Logged) -> None:
    forged = 'x", "code": 200}\u2028{"code": 500'
    ask(logged.outbound, '/"}%0a{"', headers=f"user-agent: {forged}\r\n")
    line = logged.line()
    assert line["code"] == 200
    assert line["user_agent"] == 'x", "code": 200}\\u2028{"code": 500'


def test_a_connection_has_a_line_at_its_end(logged: Logged) -> None:
    with Conversation.to(logged.tcp) as client:
        client.send(b"ping\n")
        assert client.read_to_end() == b"ping\nping\n"
    line = logged.line()
    assert (line["protocol"], line["destination"], line["code"], line["flags"]) == ("tcp", DB, 200, "")
    assert (line["request_bytes"], line["response_bytes"], line["tries"]) == (5, 10, 1)
    assert line["endpoint"] == f"127.0.0.1:{logged.db.port}"


def test_a_connection_that_led_nowhere_has_one_too(tmp_path: Path) -> None:
    logged = Logged(tmp_path, {"percent": 0})
    try:
        logged.db.close()
        with suppress(OSError), Conversation.to(logged.tcp) as client:
            client.read_to_end()
        line = logged.line()
        assert (line["protocol"], line["code"], line["flags"], line["response_bytes"]) == ("tcp", 0, "UF", 0)
    finally:
        logged.close()


def test_errors_alone(tmp_path: Path) -> None:
    logged = Logged(tmp_path, {"percent": 0})
    try:
        for path in ("/", "/a"):
            assert ask(logged.gateway, path).status == 200
        assert ask(logged.gateway, host="nobody.example").status == 404
        assert (line := logged.line())["flags"] == "NR"
        assert line["host"] == "nobody.example"
        assert [ask(logged.gateway, "/limited").status for _ in range(2)] == [200, 429]
        assert [line["code"] for line in logged.lines(2)] == [404, 429]
    finally:
        logged.close()


def test_it_is_off_unless_it_is_on_and_changes_while_requests_come(tmp_path: Path) -> None:
    logged = Logged(tmp_path, None)
    try:
        assert ask(logged.gateway, host="nobody.example").status == 404
        logged.proxy.reload(logged.resources({"percent": 100}, revision=2), revision=2)
        assert ask(logged.gateway, "/on").status == 200
        assert logged.line()["path"] == "/on"
        logged.proxy.reload(logged.resources(None, revision=3), revision=3)
        assert ask(logged.gateway, "/off").status == 200
        logged.proxy.reload(logged.resources({"percent": 100}, revision=4), revision=4)
        assert ask(logged.gateway, "/again").status == 200
        assert [line["path"] for line in logged.lines(2)] == ["/on", "/again"]
    finally:
        logged.close()


def test_workers_write_one_log(tmp_path: Path) -> None:
    logged = Logged(tmp_path, {"percent": 100}, workers=2)
    try:
        for number in range(30):
            assert ask(logged.gateway, f"/{number}").status == 200
        assert {line["path"] for line in logged.lines(30)} == {f"/{number}" for number in range(30)}
    finally:
        logged.close()


def test_who_called_and_what_denied_it_is_told_of_mtls_too(tmp_path: Path) -> None:
    authority, port = Authority(), free_port()
    file, app = tmp_path / "access.log", App(echo("app"))
    own, caller = (f"spiffe://test.mesh/ns/shop/svc/{name}" for name in ("catalog", "frontend"))
    trust = {"trust_domain": "test.mesh", "bundle": [authority.root], "access_log": {"percent": 0}}
    policies = [{"name": "nobody", "action": "allow", "rules": []}]
    resources = [
        proxy({**inbound(port, app.port), "protocol": "tcp"}, service=SERVICE),
        {"kind": "trust", "body": trust},
        {"kind": "inbound", "name": SERVICE, "body": {"policies": policies}},
    ]
    tls = authority.write(tmp_path / "own", own)
    guarded = Proxy(tmp_path, resources, tls=tls, flags=["--access-log", str(file)])
    try:
        context = ssl.create_default_context(cadata=authority.root)
        context.check_hostname = False
        context.load_cert_chain(*authority.write(tmp_path / "caller", caller)[:2])
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        with suppress(OSError), Conversation(context.wrap_socket(raw)) as client:
            client.read_to_end()
        until(lambda: file.read_text(), "it is written")
        line = json.loads(file.read_text())
        assert (line["identity"], line["source"], line["secured"]) == (caller, "shop/frontend", True)
        assert (line["rule"], line["flags"], line["code"]) == ("policy:nobody", "UAEX", 0)
    finally:
        guarded.close()
        app.close()
