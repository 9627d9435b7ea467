"""Certificates with names that should pass for others, at real engines; and requests for such certificates."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django.live_server_helper import LiveServer

from meshui.delivery.publish import push
from tests.conformance.guarded import Guarded, allow
from tests.conformance.harness import Conversation
from tests.meshui.delivery.test_joining import OUTBOUND, token
from tests.meshui.delivery.world import World
from tests.support.http import post

CART = "spiffe://test.mesh/ns/shop/svc/cart"


def heard(guarded: Guarded, *uris: str) -> bytes:
    """What the holder of a certificate with these names hears."""
    chain, key = guarded.authority.issue(*uris)
    file = guarded.folder / "forged.pem"
    file.write_text(key + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=guarded.authority.root)
    context.load_cert_chain(file)
    with suppress(OSError), Conversation.to(guarded.http) as raw:
        secured = context.wrap_socket(raw.socket)
        secured.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        return Conversation(secured).read_to_end()
    return b""


@pytest.mark.parametrize(
    "uris",
    [
        (f"{CART}\0.evil",),
        (f"{CART}\0",),
        (f"\0{CART}",),
        (f"{CART}/",),
        (f"{CART}?x",),
        (f"{CART}#x",),
        (f"{CART}%00",),
        (f"{CART}/../cart",),
        ("SPIFFE://TEST.MESH/NS/SHOP/SVC/CART",),
        ("spiffe://test.mesh:443/ns/shop/svc/cart",),
        ("spiffe://user@test.mesh/ns/shop/svc/cart",),
        ("spiffe://test.mesh/ns/shop/x/../svc/cart",),
        ("spiffe://test.mesh.evil/ns/shop/svc/cart",),
        ("spiffe://evil/test.mesh/ns/shop/svc/cart",),
        (CART, "spiffe://test.mesh/ns/shop/svc/other"),
        (CART, CART),
    ],
)
def test_a_name_that_is_nearly_a_services_is_nobodys(guarded: Guarded, uris: tuple[str, ...]) -> None:
    guarded.receive(allow({"caller": {"services": ["shop/cart"]}}))
    assert heard(guarded, CART).startswith(b"HTTP/1.1 200")
    before = guarded.app.connections
    answer = heard(guarded, *uris)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 403"), answer
    assert guarded.app.connections == before


def test_names_in_a_joining_proxys_request_are_worth_nothing(live_server: LiveServer, world: World) -> None:
    """Several identities, another's, one with a NUL: the certificate has the one of its token."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier("spiffe://mesh.local/ns/shop/svc/cart"),
        x509.UniformResourceIdentifier("spiffe://mesh.local/ns/shop/svc/catalog\0.evil"),
        x509.DNSName("cart.shop.mesh"),
    ]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cart.shop.mesh")]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
    body = {"token": token(), "csr": request, "name": "catalog-1", "listeners": [OUTBOUND]}
    status, joined = post(f"{live_server.url}/api/v1/proxies/join/", body)
    assert status == 200, joined
    push()
    leaf = x509.load_pem_x509_certificate(joined["certificate"].encode())
    sans = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    identity = "spiffe://mesh.local/ns/shop/svc/catalog"
    assert sans.get_values_for_type(x509.UniformResourceIdentifier) == [identity] == [joined["identity"]]
    assert sans.get_values_for_type(x509.DNSName) == ["catalog.shop.mesh"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert "cart" not in leaf.subject.rfc4514_string()
