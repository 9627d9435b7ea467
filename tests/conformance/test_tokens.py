"""Tokens of requests over real sockets: who is let in with which, what apps are told, forgeries that do not work."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conformance.harness import (
    SERVICE,
    App,
    Conversation,
    Proxy,
    Response,
    echo,
    endpoints,
    free_port,
    gateway,
    proxy,
    service,
)
from tests.conformance.harness import inbound as inbound_listener
from tests.support.tokens import AUDIENCE, ISSUER, claims, ec_key, jwk, rsa_key, token

RSA, NEXT, EC = rsa_key(), rsa_key(), ec_key()
_revisions = count(1)


def provider(*keys: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {
        "name": "corp",
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["RS256"],
        "keys": list(keys) or [jwk(RSA)],
        "headers": [{"name": "authorization", "scheme": "Bearer"}],
    }
    return said | more


def rule(**claims_: list[str]) -> dict[str, Any]:
    return {"caller": {"jwt": {"providers": ["corp"], "claims": claims_}}}


def allow(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"name": "yes", "action": "allow", "rules": list(rules)}


class Guarded:
    """A proxy that verifies tokens: the sidecar of ``shop/catalog`` in plaintext, or a gateway in front of it."""

    def __init__(self, folder: Path, *, edge: bool = False) -> None:
        self.app = App(echo("app"))
        self.port = free_port()
        self._name = "shop/edge" if edge else SERVICE
        self._listener = gateway(self.port) if edge else inbound_listener(self.port, self.app.port)
        self.engine = Proxy(folder, self.resources())

    def resources(self, **body: Any) -> list[dict[str, Any]]:
        revision = next(_revisions)
        return [
            proxy(self._listener, service=self._name),
            service({"v1": 100}),
            endpoints({"v1": [self.app.port]}),
            {"kind": "inbound", "name": self._name, "revision": revision, "body": {"mtls": "disable", **body}},
        ]

    def receive(self, *policies: dict[str, Any], **body: Any) -> None:
        resources = self.resources(policies=list(policies), **body)
        self.engine.reload(resources, revision=resources[-1]["revision"])

    def call(self, text: str = "", *fields: str, target: str = "/") -> Response:
        lines = [f"GET {target} HTTP/1.1", "host: a", *fields]
        if text:
            lines.append(f"authorization: Bearer {text}")
        with Conversation.to(self.port) as client:
            client.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            return client.read_response()

    def close(self) -> None:
        self.engine.close()
        self.app.close()


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    shared = Guarded(tmp_path_factory.mktemp("tokens"))
    yield shared
    shared.close()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Guarded]:
    shared = Guarded(tmp_path, edge=True)
    yield shared
    shared.close()


def good(**more: Any) -> str:
    return token(RSA, claims(time.time(), **more))


def test_a_good_token_lets_in_by_its_claims(sidecar: Guarded) -> None:
    sidecar.receive(allow(rule(role=["reader"]), rule(role=["admin"], team=["*"])), providers=[provider()])
    assert sidecar.call(good(role=["reader", "x"])).status == 200
    assert sidecar.call(good(role="admin", team="t")).status == 200
    assert sidecar.call(good(role="admin")).status == 403
    assert sidecar.call(good(role="writer")).status == 403
    assert sidecar.call().status == 403  # anonymous: policies decide


def test_a_bad_token_is_answered_401_and_reaches_no_app(sidecar: Guarded) -> None:
    """Also where policies would let anybody in."""
    sidecar.receive(providers=[provider()])
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    now = time.time()
    bad = {
        "alg none": token(RSA, claims(now), alg="none", sign=lambda data: b""),
        "HS256 with the public key": token(RSA, claims(now), alg="HS256", sign=lambda d: hmac.digest(pem, d, "sha256")),
        "another's key": token(NEXT, claims(now)),
        "another's key in the token": token(NEXT, claims(now), jwk=jwk(NEXT), kid="one"),
        "an unknown issuer": good(iss="https://evil.example"),
        "another audience": good(aud="orders"),
        "it is over": good(exp=now - 70),
        "it is yet to begin": good(nbf=now + 70),
        "a critical extension": token(RSA, claims(now), crit=["exp"]),
        "another kind": token(RSA, claims(now), typ="logout+jwt"),
        "too long": good(pad="x" * 9000),
        "nonsense": "x.y.z",
    }
    for why, text in bad.items():
        heard = sidecar.app.connections
        answer = sidecar.call(text)
        assert answer.status == 401, why
        assert answer.headers["www-authenticate"] == 'Bearer realm="mesh", error="invalid_token"'
        assert ISSUER not in answer.body.decode() and "signature" not in answer.body.decode()
        assert sidecar.app.connections == heard
    assert sidecar.call().status == sidecar.call(good()).status == 200


def test_two_tokens_are_refused(sidecar: Guarded) -> None:
    sidecar.receive(providers=[provider(cookies=["session"], query=["t"])])
    line = f"authorization: Bearer {good()}"
    assert sidecar.call(good(), line).status == 401
    assert sidecar.call(good(), "authorization: Basic YTpi").status == 401
    assert sidecar.call(good(), f"cookie: session={good(sub='eve')}").status == 401
    assert sidecar.call(good(), target=f"/?t={good(sub='eve')}").status == 401
    assert sidecar.call("", f"cookie: session={good()}").status == 200
    assert sidecar.call("", target=f"/?t={good()}").status == 200


def test_where_a_token_is_required_an_absent_one_is_401(sidecar: Guarded) -> None:
    sidecar.receive(providers=[provider()], token_required=["corp"])
    answer = sidecar.call()
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="mesh"')
    assert sidecar.call("", "authorization: Basic YTpi").status == 401
    assert sidecar.call(good()).status == 200


def test_the_app_is_told_of_claims_and_of_no_forged_ones(sidecar: Guarded) -> None:
    sidecar.receive(providers=[provider(claim_headers={"x-user": "sub"})])
    forged = ("X-User: root", "x_user: root")
    seen = sidecar.call(good(), *forged).json()["headers"]
    assert [value for name, value in seen if name.replace("_", "-") == "x-user"] == ["ada"]
    assert not [name for name, _ in seen if name == "authorization"]
    assert not [name for name, _ in sidecar.call("", *forged).json()["headers"] if name.replace("_", "-") == "x-user"]
    sidecar.receive(providers=[provider(forward=True)])
    assert "authorization" in dict(sidecar.call(good()).json()["headers"])


def test_a_header_rule_sees_the_claim_and_not_what_the_client_said(sidecar: Guarded) -> None:
    gold = allow({"when": [{"header": "x-tier", "values": ["gold"]}]})
    sidecar.receive(gold, providers=[provider(claim_headers={"x-tier": "tier"})])
    assert sidecar.call(good(tier="gold")).status == 200
    assert sidecar.call(good(), "x-tier: gold").status == 403
    assert sidecar.call("", "x-tier: gold").status == 403


def test_keys_are_rotated_on_open_connections(sidecar: Guarded) -> None:
    now = time.time()
    old, new = token(RSA, claims(now), kid="old"), token(NEXT, claims(now), kid="new")
    with Conversation.to(sidecar.port) as client:

        def status(text: str) -> int:
            client.send(f"GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {text}\r\n\r\n".encode())
            return client.read_response().status

        sidecar.receive(providers=[provider(jwk(RSA, "old"))])
        assert (status(old), status(new)) == (200, 401)
        sidecar.receive(providers=[provider(jwk(RSA, "old"), jwk(NEXT, "new"))])
        assert (status(old), status(new)) == (200, 200)
        sidecar.receive(providers=[provider(jwk(NEXT, "new"))])
        assert (status(old), status(new)) == (401, 200)


def test_a_gateway_verifies_tokens_too(edge: Guarded) -> None:
    takes = provider(jwk(EC), algorithms=["ES256"], claim_headers={"x-user": "sub"})
    edge.receive(providers=[takes], token_required=["corp"])
    answer = edge.call(token(EC, claims(time.time()), alg="ES256"), "x-user: root")
    assert answer.status == 200
    assert dict(answer.json()["headers"])["x-user"] == "ada"
    assert edge.call().status == edge.call(good()).status == 401


def test_what_came_of_tokens_is_counted(sidecar: Guarded) -> None:
    sidecar.receive(providers=[provider()])

    def counted(outcome: str) -> float:
        return sidecar.engine.count("mesh_jwt_requests_total", destination_service=SERVICE, outcome=outcome)

    before = [counted(outcome) for outcome in ("good", "absent", "audience")]
    sidecar.call(good())
    sidecar.call()
    sidecar.call(good(aud="orders"))
    assert [counted(outcome) for outcome in ("good", "absent", "audience")] == [each + 1 for each in before]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"providers": [provider(algorithms=["none"])]}, "providers[0].algorithms"),
        ({"providers": [provider(algorithms=["RS256", "HS256"])]}, "providers[0].algorithms"),
        ({"providers": [provider(algorithms=[])]}, "providers[0].algorithms"),
        ({"providers": [provider(jwk(rsa_key(1024)))]}, "providers[0].keys[0]"),
        ({"providers": [provider(), provider()]}, "providers[0].name"),
        ({"token_required": ["corp"]}, "token_required[0]"),
        ({"policies": [allow(rule(role=["x"]))]}, "policies[0].rules[0].caller.jwt.providers"),
    ],
)
def test_a_proxy_refuses_providers_that_prove_nothing(tmp_path: Path, body: dict[str, Any], reason: str) -> None:
    file = tmp_path / "resources.json"
    listener = {"kind": "proxy", "name": "p", "body": {"service": SERVICE, "version": "v1", "listeners": []}}
    inbound = {"kind": "inbound", "name": SERVICE, "body": body}
    file.write_text(json.dumps({"resources": [listener, inbound]}))
    checked = subprocess.run([sys.executable, "-m", "proxies", "check", str(file)], capture_output=True, text=True)
    assert checked.returncode != 0
    assert reason in checked.stderr
