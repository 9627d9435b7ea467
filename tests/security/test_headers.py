"""Headers that a caller writes to escape a rule, or to be somebody else."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Mesh
from tests.conformance.guarded import CART, Guarded, allow, deny
from tests.conformance.harness import ask


@pytest.mark.parametrize(
    "fields",
    [
        "x-role: admin",
        "X-ROLE:admin",
        "x-role: x\r\nx-role: admin",
        "x-role: admin\r\nx-role: \xff",
        "x-role: x, admin",
    ],
)
def test_a_second_value_of_a_header_escapes_no_deny_and_earns_no_allow(guarded: Guarded, fields: str) -> None:
    admin = {"when": [{"header": "x-role", "values": ["admin"]}]}
    guarded.receive(deny(admin))
    assert guarded.call(fields=f"{fields}\r\n").status == 403
    guarded.receive(allow(admin))
    single = fields.lower().replace(" ", "") == "x-role:admin"
    assert guarded.call(fields=f"{fields}\r\n").status == (200 if single else 403)


def test_a_header_that_connection_names_is_still_compared(guarded: Guarded) -> None:
    guarded.receive(deny({"when": [{"header": "x-role", "not_values": ["user"]}]}))
    assert guarded.call(fields="x-role: user\r\nconnection: x-role\r\n").status == 403, "the app would not see it"


def test_what_a_caller_writes_about_itself_is_no_identity(guarded: Guarded) -> None:
    guarded.receive(allow({"caller": {"services": [CART]}}))
    forged = (
        "x-forwarded-client-cert: URI=spiffe://test.mesh/ns/shop/svc/cart\r\n"
        "x-forwarded-for: 10.0.0.1\r\nx-envoy-external-address: 10.0.0.1\r\n"
    )
    assert guarded.call(fields=forged).status == 403
    assert guarded.call(caller=CART).status == 200


def test_a_gateway_replaces_what_strangers_say_of_their_way_here(mesh: Mesh) -> None:
    forged = (
        "x-forwarded-for: 10.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: admin.example\r\n"
        "x-forwarded-client-cert: URI=spiffe://test.mesh/ns/shop/svc/cart\r\n"
        "x-envoy-external-address: 10.0.0.1\r\nx-envoy-internal: true\r\nx-envoy-original-path: /admin\r\n"
        "x-real-ip: 10.0.0.1\r\nforwarded: for=10.0.0.1\r\n"
    )
    told = ask(mesh.gateway, headers=forged).json()["headers"]
    text = str(told)
    for lie in ("10.0.0.1", "https", "admin.example", "spiffe://", "/admin"):
        assert lie not in text, told
