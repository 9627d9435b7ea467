"""External checks over real sockets: who is asked what, and what its answer, or none, means for the request."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import (
    SERVICE,
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
    proxy,
    service,
)
from tests.support.poll import until
from tests.support.tokens import ISSUER, claims, jwk, rsa_key, token

AUTHZ = "platform/authz"
RSA = rsa_key()
_revisions = count(1)


def external(*rules: dict[str, Any], name: str = "ask", mode: str = "enforce", **check: Any) -> dict[str, Any]:
    asked = {"service": AUTHZ, "timeout_ms": 2_000, **check}
    return {"name": name, "action": "external", "mode": mode, "rules": list(rules) or [{}], "check": asked}


def deny(*rules: dict[str, Any], name: str = "no") -> dict[str, Any]:
    return {"name": name, "action": "deny", "rules": list(rules)}


class Asked:
    """An HTTP server that is asked, keeps the heads, and answers as a test says."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        self.gate = threading.Event()
        self.gate.set()
        self.app = App(self._script)

    def _script(self, client: Conversation) -> None:
        while True:
            self.heads.append(client.read_until(b"\r\n\r\n").decode("latin-1"))
            self.gate.wait(10)
            client.send(self.answer)
            if b"connection: close" in self.answer:
                return

    def says(self, status: int, *lines: str, body: str = "") -> None:
        fields = "".join(f"{line}\r\n" for line in (*lines, f"content-length: {len(body)}"))
        self.answer = f"HTTP/1.1 {status} Said\r\n{fields}\r\n{body}".encode()

    def fields(self) -> list[str]:
        """Of the last question, in lower case."""
        return self.heads[-1].lower().split("\r\n")[1:]


class Guarded:
    def __init__(self, folder: Path, *, edge: bool = False) -> None:
        self.app, self.asked = App(echo("app")), Asked()
        self.port, self.tcp = free_port(), free_port()
        self._name = "shop/edge" if edge else SERVICE
        if edge:
            self._listeners = [gateway(self.port)]
        else:
            self._listeners = [
                inbound(self.port, self.app.port),
                inbound(self.tcp, self.app.port) | {"protocol": "tcp"},
            ]
        self.engine = Proxy(folder, self.resources())

    def resources(self, asked: int = 0, **body: Any) -> list[dict[str, Any]]:
        revision = next(_revisions)
        return [
            proxy(*self._listeners, service=self._name),
            service({"v1": 100}),
            endpoints({"v1": [self.app.port]}),
            service({"v1": 100}, name=AUTHZ),
            endpoints({"v1": [asked or self.asked.app.port]}, name=AUTHZ),
            {"kind": "inbound", "name": self._name, "revision": revision, "body": {"mtls": "disable", **body}},
        ]

    def receive(self, *policies: dict[str, Any], asked: int = 0, **body: Any) -> None:
        resources = self.resources(asked, policies=list(policies), **body)
        self.engine.reload(resources, revision=resources[-1]["revision"])

    def call(self, target: str = "/", **more: Any) -> Response:
        return ask(self.port, target, **more)

    def counted(self, outcome: str, policy: str = "ask") -> float:
        return self.engine.count("mesh_policy_decisions_total", policy=policy, outcome=outcome)

    def close(self) -> None:
        self.engine.close()
        self.app.close()
        self.asked.app.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    made = Guarded(tmp_path_factory.mktemp("external"))
    yield made
    made.close()


@pytest.fixture
def guarded(shared: Guarded) -> Guarded:
    shared.asked.says(200)
    shared.asked.heads.clear()
    return shared


def test_a_question_has_the_head_and_only_chosen_fields(guarded: Guarded) -> None:
    guarded.receive(external(path_prefix="/check", request_headers=["authorization"]))
    answer = guarded.call(
        "/items/7?a=b",
        method="POST",
        headers="authorization: Bearer x\r\ncookie: secret\r\nx-meshui-source: shop/root\r\nx-request-id: r1\r\n",
        body=b"hello",
    )
    assert (answer.status, answer.json()["body"]) == (200, "hello")
    assert guarded.asked.heads[-1].startswith("POST /check/items/7?a=b HTTP/1.1\r\n")
    fields = guarded.asked.fields()
    assert "host: catalog.shop.mesh" in fields and "authorization: bearer x" in fields
    assert "x-request-id: r1" in fields and "content-length: 0" in fields
    assert "x-forwarded-for: 127.0.0.1" in fields
    assert not [field for field in fields if field.startswith(("cookie", "x-meshui-source"))]


def test_2xx_lets_pass_with_the_fields_that_were_chosen(guarded: Guarded) -> None:
    guarded.asked.says(204, "x-user: ada", "x-other: no")
    guarded.receive(external(response_headers=["x-user", "x-role"]))
    seen = guarded.call(headers="x-user: root\r\nx-role: admin\r\n").json()["headers"]
    assert [value for name, value in seen if name == "x-user"] == ["ada"]
    assert not [name for name, _ in seen if name in ("x-role", "x-other")]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 429])
def test_another_answer_is_the_clients(guarded: Guarded, status: int) -> None:
    guarded.asked.says(status, "location: https://login.example", 'www-authenticate: Basic realm="x"', body="log in")
    guarded.receive(external())
    heard = guarded.app.connections
    answer = guarded.call()
    assert (answer.status, answer.body) == (status, b"log in")
    assert answer.headers["location"] == "https://login.example"
    assert answer.headers["content-length"] == "6"
    assert guarded.app.connections == heard


BROKEN: list[tuple[str, bytes]] = [
    ("a server error", b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
    ("nonsense", b"SSH-2.0-x\r\n\r\n"),
    ("a short body", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nx"),
    ("too much", b"HTTP/1.1 403 No\r\ncontent-length: 70000\r\n\r\n" + b"x" * 70_000),
    ("an upgrade", b"HTTP/1.1 101 Yes\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
]


@pytest.mark.parametrize(("why", "answer"), BROKEN, ids=[why for why, _ in BROKEN])
def test_no_answer_that_counts_denies_or_lets_pass_as_the_policy_says(
    guarded: Guarded, why: str, answer: bytes
) -> None:
    guarded.asked.answer = answer
    guarded.receive(external())
    before = guarded.counted("failed")
    refused = guarded.call()
    assert (refused.status, refused.body) == (403, b"403 Forbidden\n")
    guarded.receive(external(on_error="allow"))
    assert guarded.call().status == 200
    assert guarded.counted("failed") == before + 2


def test_silence_and_nobody_there_are_no_answer_either(guarded: Guarded) -> None:
    guarded.asked.gate.clear()
    try:
        guarded.receive(external(timeout_ms=50))
        assert guarded.call().status == 403
        guarded.receive(external(timeout_ms=50, on_error="allow"))
        assert guarded.call().status == 200
    finally:
        guarded.asked.gate.set()
    guarded.receive(external(), asked=free_port())
    assert guarded.call().status == 403


def test_the_order_is_token_check_deny_allow(guarded: Guarded) -> None:
    providers = [
        {
            "name": "corp",
            "issuer": ISSUER,
            "algorithms": ["RS256"],
            "keys": [jwk(RSA)],
            "headers": [{"name": "authorization", "scheme": "Bearer"}],
        }
    ]
    guarded.receive(external(), deny({"operation": {"paths": ["/no"]}}), providers=providers)
    good = f"authorization: Bearer {token(RSA, claims(time.time()))}\r\n"
    assert guarded.call(headers="authorization: Bearer x\r\n").status == 401
    assert guarded.asked.heads == []
    guarded.asked.says(418)
    assert guarded.call("/no", headers=good).status == 418
    guarded.asked.says(200)
    assert guarded.call("/no", headers=good).status == 403
    assert guarded.call("/yes", headers=good).status == 200


def test_only_requests_that_a_rule_matches_are_asked_about(guarded: Guarded) -> None:
    guarded.receive(external({"operation": {"paths": ["/private/*"]}}))
    assert guarded.call("/public").status == 200
    assert guarded.asked.heads == []
    assert guarded.call("/private/x").status == 200
    assert guarded.call("/public/../private/y").status == 200
    assert len(guarded.asked.heads) == 2


def test_several_checks_must_all_let_pass(guarded: Guarded) -> None:
    guarded.receive(external(name="a"), external(name="b", path_prefix="/b"))
    assert guarded.call().status == 200
    assert [head.split(" ")[1] for head in guarded.asked.heads] == ["/", "/b/"]
    guarded.asked.says(403)
    assert guarded.call().status == 403
    assert len(guarded.asked.heads) == 3


def test_a_check_in_shadow_is_counted_and_not_waited_for(guarded: Guarded) -> None:
    guarded.asked.says(403)
    guarded.asked.gate.clear()
    try:
        guarded.receive(external(mode="shadow"))
        before = guarded.counted("shadow_denied")
        assert guarded.call().status == 200
    finally:
        guarded.asked.gate.set()
    until(lambda: guarded.counted("shadow_denied") == before + 1, "the shadow was counted")


def test_connections_to_who_is_asked_are_kept(guarded: Guarded) -> None:
    guarded.receive(external())
    before = guarded.asked.app.connections
    with Conversation.to(guarded.port) as client:
        for _ in range(20):
            client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert client.read_response().status == 200
    assert guarded.asked.app.connections - before <= 2


def test_pipelined_requests_and_bodies_wait_their_turn(guarded: Guarded) -> None:
    guarded.receive(external())
    with Conversation.to(guarded.port) as client:
        client.send(b"POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nhost: a\r\n\r\n")
        first, second = client.read_response().json(), client.read_response().json()
    assert (first["target"], first["body"], second["target"]) == ("/1", "abc", "/2")


def test_a_large_body_is_held_back_while_it_is_asked(guarded: Guarded) -> None:
    guarded.receive(external())
    body = b"x" * 3_000_000
    assert len(guarded.call(method="POST", body=body).json()["body"]) == len(body)


def test_a_client_that_goes_away_while_it_is_asked_hurts_nobody(guarded: Guarded) -> None:
    guarded.receive(external())
    guarded.asked.gate.clear()
    try:
        with Conversation.to(guarded.port) as client:
            client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            until(lambda: guarded.asked.heads, "it is asked")
            client.reset()
    finally:
        guarded.asked.gate.set()
    assert guarded.call().status == 200


def test_a_tcp_connection_cannot_be_asked_about_and_ends(guarded: Guarded) -> None:
    def passes() -> bool:
        try:
            return ask(guarded.tcp).status == 200
        except OSError:
            return False

    guarded.receive()
    assert passes()
    guarded.receive(external({"operation": {"methods": ["GET"]}}))
    assert not passes()
    guarded.receive(external({"caller": {"namespaces": ["bank"]}}))
    assert passes()


def test_a_gateway_asks_too(tmp_path: Path) -> None:
    edge = Guarded(tmp_path, edge=True)
    try:
        edge.receive(external())
        assert edge.call().status == 200
        edge.asked.says(401, body="who are you?")
        assert edge.call().body == b"who are you?"
        assert "host: catalog.shop.mesh" in edge.asked.fields()
    finally:
        edge.close()


def test_a_question_that_goes_round_is_not_asked_for_ever(guarded: Guarded) -> None:
    """Who is asked is this very proxy: it sees its own mark, and refuses."""
    guarded.receive(external(), asked=guarded.port)
    answer = guarded.call()
    assert answer.status == 403
