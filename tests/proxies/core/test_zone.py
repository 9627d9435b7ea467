"""What names under .mesh mean to an app, as a stub resolver sees it."""

from __future__ import annotations

from collections.abc import Sequence

import dns.message
import dns.rcode
import pytest

from proxies.core.dns import read_query, write_reply
from proxies.core.zone import Zone
from proxies.wire import resources as wire
from proxies.wire.resources import Endpoint

ENDPOINTS = (
    Endpoint(id="a", address="10.0.0.7", port=8001, version="v1", weight=30),
    Endpoint(id="b", address="2001:db8::7", port=8002, version="v2"),
    Endpoint(id="c", address="host.example", port=8003, version="v1"),
    Endpoint(id="sick", address="10.0.0.8", port=8004, version="v1", healthy=False),
    Endpoint(id="leaving", address="10.0.0.9", port=8005, version="v1", draining=True),
)


def zone(outbound: Sequence[str] = ("127.0.0.1",), endpoints: Sequence[Endpoint] = ENDPOINTS) -> Zone:
    body = wire.ServiceBody(hosts=["catalog.shop.mesh"], versions=["v1"], split=[], routes=[])
    resources = {
        "service:shop/catalog": wire.ServiceResource(name="shop/catalog", body=body),
        "endpoints:shop/catalog": wire.EndpointsResource(
            name="shop/catalog", body=wire.EndpointsBody(endpoints=list(endpoints))
        ),
    }
    listeners = [wire.OutboundListener(address=address, port=15001) for address in outbound]
    itself = wire.ProxyBody(service="shop/cart", version="v1", listeners=listeners)
    return Zone(resources.get, lambda: itself)


def ask(asked: Zone, name: str, kind: str = "A", number: int = 0, cls: str = "IN") -> dns.message.Message:
    query = read_query(dns.message.make_query(name, kind, cls, id=number).to_wire())
    return dns.message.from_wire(write_reply(query, asked.reply(query), 65_535))


def texts(section: list) -> list[str]:
    return [item.to_text() for rrset in section for item in rrset]


@pytest.mark.parametrize(
    ("listener", "kind", "expected"),
    [
        ("127.0.0.1", "A", ["127.0.0.1"]),
        ("127.0.0.1", "AAAA", []),
        ("127.0.0.1", "ANY", ["127.0.0.1"]),
        ("::1", "AAAA", ["::1"]),
        ("0.0.0.0", "A", ["127.0.0.1"]),
        ("localhost", "A", ["127.0.0.1"]),
    ],
)
def test_an_app_is_led_to_its_own_proxy(listener: str, kind: str, expected: list[str]) -> None:
    answer = ask(zone([listener]), "CATALOG.shop.mesh", kind)
    assert (answer.rcode(), texts(answer.answer)) == (dns.rcode.NOERROR, expected)
    assert bool(answer.authority) is not bool(expected)


def test_without_a_way_out_it_is_led_to_healthy_instances() -> None:
    assert texts(ask(zone([]), "catalog.shop.mesh").answer) == ["10.0.0.7"]
    assert texts(ask(zone([]), "catalog.shop.mesh", "AAAA").answer) == ["2001:db8::7"]


@pytest.mark.parametrize("name", ["catalog.shop.mesh", "_http._tcp.catalog.shop.mesh"])
def test_srv_tells_healthy_instances_and_their_ports(name: str) -> None:
    answer = ask(zone(), name, "SRV")
    label = "20010db8000000000000000000000007"
    assert sorted(texts(answer.answer)) == [
        "0 100 8002 " + label + ".catalog.shop.mesh.",
        "0 100 8003 host.example.",
        "0 30 8001 0a000007.catalog.shop.mesh.",
    ]
    extras = {f"{rrset.name} {item}" for rrset in answer.additional for item in rrset}
    assert extras == {"0a000007.catalog.shop.mesh. 10.0.0.7", label + ".catalog.shop.mesh. 2001:db8::7"}


def test_the_targets_of_srv_are_names_themselves() -> None:
    assert texts(ask(zone(), "0a000007.catalog.shop.mesh").answer) == ["10.0.0.7"]
    assert texts(ask(zone(), "0a000007.catalog.shop.mesh", "AAAA").answer) == []
    assert ask(zone(), "0a000008.catalog.shop.mesh").rcode() == dns.rcode.NXDOMAIN  # it is critical
    assert ask(zone(), "0a0000ff.catalog.shop.mesh").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("name", "kind", "cls", "code"),
    [
        ("nothing.shop.mesh", "A", "IN", dns.rcode.NXDOMAIN),
        ("x.catalog.shop.mesh", "A", "IN", dns.rcode.NXDOMAIN),
        ("shop.mesh", "A", "IN", dns.rcode.NOERROR),
        ("_tcp.catalog.shop.mesh", "SRV", "IN", dns.rcode.NOERROR),
        ("catalog.shop.mesh", "MX", "IN", dns.rcode.NOERROR),
        ("_http._tcp.catalog.shop.mesh", "A", "IN", dns.rcode.NOERROR),
        ("example.com", "A", "IN", dns.rcode.REFUSED),
        ("catalog.shop.mesh.example.com", "A", "IN", dns.rcode.REFUSED),
        (".", "NS", "IN", dns.rcode.REFUSED),
        ("catalog.shop.mesh", "A", "CH", dns.rcode.REFUSED),
    ],
)
def test_what_is_not_there_has_no_answer(name: str, kind: str, cls: str, code: dns.rcode.Rcode) -> None:
    answer = ask(zone(), name, kind, cls=cls)
    assert (answer.rcode(), answer.answer) == (code, [])
    if code != dns.rcode.REFUSED:
        assert answer.authority[0].to_text() == "mesh. 1 IN SOA mesh. nobody. 1 3600 600 86400 1"


def test_before_the_proxy_knows_itself_it_cannot_say() -> None:
    unready = Zone({}.get, lambda: None)
    assert ask(unready, "catalog.shop.mesh").rcode() == dns.rcode.SERVFAIL
    assert ask(unready, "example.com").rcode() == dns.rcode.REFUSED


def test_a_service_without_healthy_instances_exists() -> None:
    answer = ask(zone(endpoints=ENDPOINTS[3:]), "catalog.shop.mesh", "SRV")
    assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])


def test_instances_take_turns_in_being_first_and_are_bounded() -> None:
    many = [Endpoint(id=f"{n}", address=f"10.0.{n // 250}.{n % 250}", port=80, version="v1") for n in range(300)]
    query = read_query(dns.message.make_query("catalog.shop.mesh", "SRV", id=7).to_wire())
    reply = zone([], many).reply(query)
    assert len(reply.answers) == 100
    firsts = {texts(ask(zone([], many[:3]), "catalog.shop.mesh", number=n).answer)[0] for n in range(3)}
    assert firsts == {"10.0.0.0", "10.0.0.1", "10.0.0.2"}


def tcp_zone(*listeners: wire.Listener) -> Zone:
    """``shop/db`` at 10.0.0.7:8001, in a proxy with an outbound listener beside these."""
    body = wire.ServiceBody(protocol="tcp", port=5432, hosts=["db.shop.mesh"], versions=["v1"], split=[], routes=[])
    resources = {
        "service:shop/db": wire.ServiceResource(name="shop/db", body=body),
        "endpoints:shop/db": wire.EndpointsResource(name="shop/db", body=wire.EndpointsBody(endpoints=[ENDPOINTS[0]])),
    }
    every = [wire.OutboundListener(address="127.0.0.9", port=15001), *listeners]
    return Zone(resources.get, lambda: wire.ProxyBody(service="shop/cart", version="v1", listeners=every))


def test_a_tcp_service_is_where_the_proxy_listens_for_it() -> None:
    listener = wire.TcpListener(address="127.0.0.1", port=15432, service="shop/db")
    found = tcp_zone(listener, wire.TcpListener(port=15433, service="shop/other"))
    assert texts(ask(found, "db.shop.mesh").answer) == ["127.0.0.1"]
    answer = ask(found, "db.shop.mesh", "SRV")
    assert texts(answer.answer) == ["0 100 15432 7f000001.db.shop.mesh."]
    assert texts(answer.additional) == ["127.0.0.1"]
    assert texts(ask(found, "7f000001.db.shop.mesh").answer) == ["127.0.0.1"]


def test_a_tcp_service_that_the_proxy_does_not_listen_for_is_where_its_instances_are() -> None:
    found = tcp_zone()
    assert texts(ask(found, "db.shop.mesh").answer) == ["10.0.0.7"]
    assert texts(ask(found, "db.shop.mesh", "SRV").answer) == ["0 30 8001 0a000007.db.shop.mesh."]
    assert ask(found, "_http._tcp.db.shop.mesh", "SRV").rcode() == dns.rcode.NXDOMAIN
