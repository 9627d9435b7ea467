"""What names under ``.mesh`` mean to the apps beside one proxy. Pure: resources in, replies out.

``catalog.shop.mesh`` (A, AAAA) is where the app reaches the service: the proxy's own outbound listener, so that a
request by name goes through the mesh. A proxy without one answers the instances' addresses. Of SRV, here and at
``_http._tcp.catalog.shop.mesh``, the answer is the healthy instances with their ports; their targets are names below
the service, ``0a000007.catalog.shop.mesh``: the address in hex. A TCP service is where the proxy listens for it, or
else where its instances are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from proxies.core import dns
from proxies.core.dns import Name, Query, Record, Reply
from proxies.wire.resources import (
    Endpoint,
    EndpointsResource,
    OutboundListener,
    ProxyBody,
    Resource,
    ServiceResource,
    TcpListener,
)

MESH = b"mesh"
TTL_S = 1
"""Instances come and go; an app that asks again a second later is right again."""
MOST = 100
"""Instances in one reply; the next reply begins with others."""

T = TypeVar("T")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOPBACK: dict[str, Address] = {
    "0.0.0.0": ipaddress.IPv4Address("127.0.0.1"),  # noqa: S104 - what is open everywhere is open there
    "::": ipaddress.IPv6Address("::1"),
    "localhost": ipaddress.IPv4Address("127.0.0.1"),
}


class Zone:
    """``resource`` finds what the proxy has in force by ``kind:name``; ``proxy`` is what it has of itself, None before
    it has anything."""

    def __init__(self, resource: Callable[[str], Resource | None], proxy: Callable[[], ProxyBody | None]) -> None:
        self._resource = resource
        self._proxy = proxy

    def reply(self, query: Query) -> Reply:
        if query.cls not in (dns.IN, dns.ANY) or query.name[-1:] != (MESH,):
            # Not ours: the client's next name server may know. "No such name" would end its search.
            return Reply(dns.REFUSED, authoritative=False)
        proxy = self._proxy()
        if proxy is None:
            return Reply(dns.SERVFAIL, authoritative=False)  # soon we shall know
        labels = query.name[:-1]
        if len(labels) < 2:
            return _nothing()
        prefix, (service, namespace) = labels[:-2], labels[-2:]
        name = f"{namespace.decode('latin-1')}/{service.decode('latin-1')}"
        called = self._resource(f"service:{name}")
        if not isinstance(called, ServiceResource):
            return _no_such_name()
        if called.body.protocol == "tcp":
            usable = _listening_for(name, proxy) or self._usable(name)
            return _of_service(query, usable, []) if not prefix else _of_instance(query, prefix, usable)
        usable = self._usable(name)
        if not prefix:
            outbound = [listener.address for listener in proxy.listeners if isinstance(listener, OutboundListener)]
            return _of_service(query, usable, outbound)
        if prefix == (b"_http", b"_tcp"):
            return _srv(query, usable) if query.type in (dns.SRV, dns.ANY) else _nothing()
        if prefix == (b"_tcp",):
            return _nothing()
        return _of_instance(query, prefix, usable)

    def _usable(self, name: str) -> list[Endpoint]:
        resource = self._resource(f"endpoints:{name}")
        if not isinstance(resource, EndpointsResource):
            return []
        return [endpoint for endpoint in resource.body.endpoints if endpoint.healthy and not endpoint.draining]


def _listening_for(name: str, proxy: ProxyBody) -> list[Endpoint]:
    """The proxy's own listeners for a TCP service, as if they were its instances."""
    return [
        Endpoint(id=proxy.service, address=listener.address, port=listener.port, version=proxy.version)
        for listener in proxy.listeners
        if isinstance(listener, TcpListener) and listener.service == name
    ]


def _of_service(query: Query, usable: Sequence[Endpoint], outbound: Sequence[str]) -> Reply:
    if query.type == dns.SRV:
        return _srv(query, usable)
    found = map(_address, outbound or [endpoint.address for endpoint in usable])
    return _addresses(query, [address for address in found if address])


def _of_instance(query: Query, prefix: Name, usable: Sequence[Endpoint]) -> Reply:
    for endpoint in usable:
        address = _address(endpoint.address)
        if address and prefix == (_label(address),):
            return _addresses(query, [address])
    return _no_such_name()


def _addresses(query: Query, addresses: Sequence[Address]) -> Reply:
    records = dict.fromkeys(map(_record, addresses))  # two instances may share an address
    asked = [record for record in records if query.type in (dns.ANY, record.type)]
    return Reply(answers=_turned(query, asked)) if asked else _nothing()


def _srv(query: Query, usable: Sequence[Endpoint]) -> Reply:
    below = query.name[-3:]
    answers: list[Record] = []
    additional: dict[Record, None] = {}
    for endpoint in _turned(query, usable):
        address = _address(endpoint.address)
        if address:
            target: Name = (_label(address), *below)
            additional[_record(address, target)] = None
        else:
            target = tuple(endpoint.address.lower().encode().split(b"."))
        answers.append(Record(dns.SRV, TTL_S, dns.srv_data(endpoint.port, endpoint.weight, target)))
    return Reply(answers=answers, additional=list(additional)) if answers else _nothing()


def _turned(query: Query, items: Sequence[T]) -> list[T]:
    """At most ``MOST``, from another one on with each query: clients like the first."""
    start = query.id % len(items) if items else 0
    return [*items[start:], *items[:start]][:MOST]


def _nothing() -> Reply:
    """The name is there, or something below it may be; but not what was asked for."""
    return Reply(authority=[_soa()])


def _no_such_name() -> Reply:
    return Reply(dns.NXDOMAIN, authority=[_soa()])


def _soa() -> Record:
    return Record(dns.SOA, TTL_S, dns.soa_data((MESH,), TTL_S), (MESH,))


def _record(address: Address, name: Name | None = None) -> Record:
    return Record(dns.A if address.version == 4 else dns.AAAA, TTL_S, address.packed, name)


def _label(address: Address) -> bytes:
    return address.packed.hex().encode()


def _address(text: str) -> Address | None:
    """The address that an app uses; None for a host name."""
    if text in LOOPBACK:
        return LOOPBACK[text]
    with suppress(ValueError):
        return ipaddress.IPv4Address(text)
    with suppress(ValueError):
        return ipaddress.IPv6Address(text)
    return None
