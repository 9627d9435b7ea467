"""Joining and renewing against the real control plane, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography import x509
from pytest_django.live_server_helper import LiveServer

from meshui.catalog.models import Proxy
from meshui.catalog.services import join_token_create, namespace_create, service_create
from meshui.core.actors import system
from meshui.core.errors import Throttled
from meshui.delivery import joining
from meshui.security import pki
from meshui.security.models import IssuedCertificate
from proxies.agent.certify import certify
from proxies.agent.leaf import serial_of
from proxies.agent.orders import Granted, JoinOrder, Refused, RenewOrder, place
from proxies.wire.join import JoinResponse, RenewResponse
from proxies.wire.resources import InboundListener, OutboundListener

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = system("test")
IDENTITY = "spiffe://mesh.local/ns/shop/svc/catalog"
LISTENERS = [
    InboundListener(address="127.0.0.1", port=26001, service="unknown/unknown", app_port=26002),
    OutboundListener(port=26003),
]


@pytest.fixture
def token(servers: object, transactional_db: None) -> str:
    namespace_create(actor=ACTOR, name="shop")
    service_create(actor=ACTOR, service="shop/catalog", versions=["v1"])
    return join_token_create(actor=ACTOR, service="shop/catalog", version="v1", uses=1, ttl_s=60)[1]


def order(url: str, token: str, **changes: Any) -> JoinOrder:
    fields = {"name": "catalog-1", "listeners": LISTENERS, "admin": "127.0.0.1:26004", "ca_file": ""}
    fields |= {"locality": "eu/a", "weight": 50} | changes
    return JoinOrder(url=url, token=token, proxy_version="test", **fields)


def joined(url: str, token: str) -> tuple[Granted, JoinResponse]:
    granted = certify(order(url, token))
    assert isinstance(granted, Granted), granted
    return granted, msgspec.convert(granted.answer, JoinResponse)


def test_a_token_makes_a_member_of_the_mesh(live_server: LiveServer, token: str) -> None:
    granted, answer = joined(live_server.url, token)
    leaf = x509.load_pem_x509_certificate(answer.certificate.encode())
    assert pki.identity_of(leaf) == answer.identity == IDENTITY
    assert leaf.not_valid_after_utc == datetime.fromtimestamp(granted.not_after, UTC)
    proxy = Proxy.objects.get(pk=answer.proxy_id)
    assert (proxy.locality, proxy.instance.weight, proxy.instance.locality) == ("eu/a", 50, "eu/a")
    assert (proxy.name, proxy.admin, str(proxy.service)) == ("catalog-1", "127.0.0.1:26004", "shop/catalog")
    assert answer.bundle
    assert "BEGIN PRIVATE KEY" in granted.key


def test_a_used_token_is_refused_for_good(live_server: LiveServer, token: str) -> None:
    joined(live_server.url, token)
    refused = certify(order(live_server.url, token, name="catalog-2"))
    assert isinstance(refused, Refused)
    assert refused.final


def test_one_that_comes_too_early_hears_when_to_come_back(
    live_server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise Throttled("wait", retry_after=7)

    monkeypatch.setattr(joining, "take_turn", full)
    refused = certify(order(live_server.url, token))
    assert isinstance(refused, Refused) and not refused.final
    assert refused.retry_after_s == 7
    bad = certify(order(live_server.url, "no token"))
    assert isinstance(bad, Refused) and bad.final, "a stranger is refused before it takes a turn"
    monkeypatch.undo()
    joined(live_server.url, token)


def test_a_proxy_reads_the_serial_of_its_own_certificate(live_server: LiveServer, token: str) -> None:
    chain = joined(live_server.url, token)[1].certificate
    assert serial_of(chain) == IssuedCertificate.objects.get().serial
    assert serial_of("") == serial_of("nonsense") == serial_of(chain[:200]) == ""


def renewal(url: str, granted: Granted, answer: JoinResponse, **changes: Any) -> RenewOrder:
    fields = {"proxy_id": answer.proxy_id, "key": granted.key, "certificate": answer.certificate} | changes
    return RenewOrder(url=url, ca_file="", **fields)


def test_the_current_key_renews_with_a_new_one(live_server: LiveServer, token: str) -> None:
    granted, answer = joined(live_server.url, token)
    renewed = certify(renewal(live_server.url, granted, answer))
    assert isinstance(renewed, Granted), renewed
    certificate = msgspec.convert(renewed.answer, RenewResponse).certificate
    leaf = x509.load_pem_x509_certificate(certificate.encode())
    assert pki.identity_of(leaf) == IDENTITY
    assert renewed.key != granted.key
    assert IssuedCertificate.objects.filter(proxy_id=answer.proxy_id).count() == 2


def test_another_key_does_not_renew(live_server: LiveServer, token: str) -> None:
    granted, answer = joined(live_server.url, token)
    other = certify(renewal(live_server.url, granted, answer))
    assert isinstance(other, Granted)
    refused = certify(renewal(live_server.url, granted, answer, key=other.key))
    assert isinstance(refused, Refused)
    assert refused.final
    assert "not signed" in refused.detail


def test_an_evicted_proxy_does_not_renew(live_server: LiveServer, token: str) -> None:
    granted, answer = joined(live_server.url, token)
    Proxy.objects.get(pk=answer.proxy_id).delete()
    refused = certify(renewal(live_server.url, granted, answer))
    assert isinstance(refused, Refused)
    assert "evicted" in refused.detail


async def test_a_control_plane_that_is_not_there_is_no_final_answer() -> None:
    outcome = await place(order("http://127.0.0.1:1", "x"))
    assert isinstance(outcome, Refused)
    assert not outcome.final
