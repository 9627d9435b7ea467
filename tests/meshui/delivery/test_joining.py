"""A proxy joins by token and CSR over HTTP, renews, is replaced and evicted."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone
from rest_framework.test import APIClient

from meshui.catalog.models import Instance, JoinToken, Proxy
from meshui.catalog.services import join_token_create
from meshui.delivery.publish import push
from meshui.delivery.redis import command
from meshui.delivery.services import proxy_evict
from proxies.wire import resources as wire
from proxies.wire.join import renew_payload
from tests.meshui.delivery.test_access import login
from tests.meshui.delivery.world import ACTOR, World

INBOUND = {"kind": "inbound", "address": "127.0.0.1", "port": 20_001, "service": "shop/catalog", "app_port": 9_001}
OUTBOUND = {"kind": "outbound", "port": 15_001}


def make_csr(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody else")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


class Joiner:
    """A proxy at the door: a key, and the HTTP client of somebody who is not signed in."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.client = APIClient()

    def join(self, token: str, **changed: Any) -> Any:
        body = {"token": token, "csr": make_csr(self.key), "name": "catalog-1", "listeners": [INBOUND, OUTBOUND]}
        return self.client.post("/api/v1/proxies/join/", body | changed, format="json")

    def renew(self, joined: dict[str, Any], *, key: ec.EllipticCurvePrivateKey | None = None, at: float = 0) -> Any:
        csr, timestamp = make_csr(ec.generate_private_key(ec.SECP256R1())), int(at or time.time())
        payload = renew_payload(joined["proxy_id"], csr, timestamp)
        body = {
            "proxy_id": joined["proxy_id"],
            "csr": csr,
            "certificate": joined["certificate"],
            "timestamp": timestamp,
            "signature": (key or self.key).sign(payload, ec.ECDSA(hashes.SHA256())).hex(),
        }
        return self.client.post("/api/v1/proxies/renew/", body, format="json")


def token(uses: int = 1, service: str = "shop/catalog") -> str:
    return join_token_create(actor=ACTOR, service=service, version="v1", uses=uses)[1]


@pytest.fixture
def joiner(world: World) -> Joiner:
    return Joiner()


def test_a_proxy_gets_an_identity_and_its_configuration(joiner: Joiner, store: redis.Redis) -> None:
    response = joiner.join(token(), locality="eu/a")
    assert response.status_code == 200, response.content
    joined = response.json()
    assert (joined["service"], joined["version"]) == ("shop/catalog", "v1")
    assert joined["identity"] == "spiffe://mesh.local/ns/shop/svc/catalog"
    leaf = x509.load_pem_x509_certificate(joined["certificate"].encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [joined["identity"]]
    assert Proxy.objects.get().certificate_not_after == leaf.not_valid_after_utc

    push()
    with login(joined["redis_username"], joined["redis_password"]) as own:
        resource = wire.decode(own.get(f"mesh:res:proxy:{joined['proxy_id']}"))  # type: ignore[arg-type]
        trust = wire.decode(own.get("mesh:res:trust"))  # type: ignore[arg-type]
    assert isinstance(resource, wire.ProxyResource) and isinstance(trust, wire.TrustResource)
    assert [listener.port for listener in resource.body.listeners] == [20_001, 15_001]
    assert resource.body.locality == "eu/a"
    assert trust.body.bundle == joined["bundle"]
    endpoints = wire.decode(store.get("mesh:res:endpoints:shop/catalog") or b"")
    assert isinstance(endpoints, wire.EndpointsResource)
    assert [(e.address, e.port, e.tls) for e in endpoints.body.endpoints] == [("127.0.0.1", 20_001, True)]


def test_a_proxy_receives_for_the_service_of_its_token_whatever_it_says(joiner: Joiner, store: redis.Redis) -> None:
    joined = joiner.join(token(), listeners=[{**INBOUND, "service": "shop/cart"}]).json()
    push()
    resource = wire.decode(store.get(f"mesh:res:proxy:{joined['proxy_id']}") or b"")
    assert isinstance(resource, wire.ProxyResource)
    inbound = resource.body.listeners[0]
    assert isinstance(inbound, wire.InboundListener) and inbound.service == "shop/catalog"


def test_a_token_lets_as_many_join_as_it_says(joiner: Joiner) -> None:
    once = token()
    assert joiner.join(once).status_code == 200
    refused = joiner.join(once, name="catalog-2")
    assert refused.status_code == 401
    assert refused.json()["code"] == "not_authenticated"
    assert Proxy.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"csr": "no request"}, "csr"),
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"admin": "x" * 200}, "admin"),
        ({"proxy_version": "<script>"}, "proxy_version"),
        ({"listeners": []}, "listeners"),
        ({"locality": "EU/a"}, "locality"),
        ({"weight": 0}, "weight"),
        ({"listeners": [{**INBOUND, "port": 0}]}, "listeners.0.port"),
        ({"listeners": [{"kind": "gateway", "address": "0.0.0.0", "port": 80, "hosts": []}]}, "listeners.0.kind"),
    ],
)
def test_bad_input_changes_nothing_and_keeps_the_token(joiner: Joiner, changed: dict[str, Any], path: str) -> None:
    good = token()
    response = joiner.join(good, **changed)
    assert response.status_code == 400, response.content
    assert response.json()["errors"][0]["path"] == path
    assert not Proxy.objects.exists()
    assert JoinToken.objects.get().uses_left == 1
    assert joiner.join(good).status_code == 200


def test_joining_again_under_a_name_replaces_the_former(joiner: Joiner) -> None:
    several = token(uses=2)
    former = joiner.join(several).json()["proxy_id"]
    later = joiner.join(several, listeners=[{**INBOUND, "port": 20_002}]).json()["proxy_id"]
    assert [proxy.pk for proxy in Proxy.objects.all()] == [later]
    assert [instance.port for instance in Instance.objects.all()] == [20_002]
    assert set(command("ACL USERS")) == {"default", later}
    assert former != later


def test_renewal_by_the_current_key(joiner: Joiner) -> None:
    joined = joiner.join(token()).json()
    renewed = joiner.renew(joined)
    assert renewed.status_code == 200, renewed.content
    leaf = x509.load_pem_x509_certificate(renewed.json()["certificate"].encode())
    assert leaf.public_key() != joiner.key.public_key()
    assert renewed.json()["bundle"] == joined["bundle"]


def test_renewal_is_refused_to_another_key_an_old_request_and_an_evicted_proxy(joiner: Joiner) -> None:
    joined = joiner.join(token()).json()
    other = joiner.renew(joined, key=ec.generate_private_key(ec.SECP256R1()))
    old = joiner.renew(joined, at=(timezone.now() - timedelta(minutes=6)).timestamp())
    proxy_evict(actor=ACTOR, proxy_id=joined["proxy_id"])
    evicted = joiner.renew(joined)
    assert [response.status_code for response in (other, old, evicted)] == [403] * 3
    assert evicted.json()["code"] == "proxy_evicted"
