"""The engine's promise to whoever brings resources: any order, whole or not at all."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxies.net.engine import Applied, Engine
from proxies.wire.resources import Resource, ResourceError, decode_file
from tests.conformance.harness import (
    App,
    Conversation,
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

GET = b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\nconnection: close\r\n\r\n"


def parse(*resources: dict[str, Any]) -> list[Resource]:
    return decode_file(msgspec.json.encode({"resources": resources}))


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine()
    made.start()
    yield made
    made.stop()


async def status(port: int, request: bytes = GET) -> int:
    def ask() -> int:
        with Conversation.to(port) as client:
            client.send(request)
            return client.read_response().status

    return await asyncio.get_running_loop().run_in_executor(None, ask)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_resources_may_come_in_any_order(order: tuple[int, ...]) -> None:
    app, port = App(echo("app")), free_port()
    resources = parse(proxy(gateway(port)), service({"v1": 1}), endpoints({"v1": [app.port]}))
    engine = Engine()
    engine.start()
    try:
        for index in order:
            engine.apply(resources[index])
        assert await status(port) == 200
        (delta,) = engine.collect()
        assert (delta.source_service, delta.destination_service) == ("shop/frontend", "shop/catalog")
        assert engine.gauges().rss_bytes > 1_000_000
    finally:
        engine.stop()
        app.close()


async def test_what_is_in_force_is_told_with_its_revision(engine: Engine) -> None:
    (resource,) = parse(service({"v1": 1}, revision=5))
    engine.apply(resource)
    assert engine.applied() == {"service:shop/catalog": Applied(0, 5, "")}
    engine.remove("service:shop/catalog")
    engine.remove("service:shop/none")
    assert engine.applied() == {}


async def test_a_resource_that_cannot_be_compiled_leaves_the_former_in_force(engine: Engine) -> None:
    app, port = App(echo("app")), free_port()
    for resource in parse(proxy(gateway(port)), service({"v1": 1}, revision=1), endpoints({"v1": [app.port]})):
        engine.apply(resource)
    route = {"name": "bad", "match": {"path": {"kind": "exact", "value": "/%2f"}}}
    (bad,) = parse(service({"v1": 1}, routes=[route], revision=2))
    with pytest.raises(ResourceError, match="encodes a slash"):
        engine.apply(bad)
    assert engine.applied()["service:shop/catalog"].revision == 1
    assert await status(port) == 200
    app.close()


async def test_a_port_that_is_taken_leaves_all_listeners_as_they_were(engine: Engine) -> None:
    taken, first, second = App(echo("other")), free_port(), free_port()
    engine.apply(parse(proxy(gateway(first)))[0])
    with pytest.raises(ResourceError, match=str(taken.port)):
        engine.apply(parse(proxy(outbound(second), gateway(taken.port)))[0])
    assert [(kind, port) for kind, _, port in engine.addresses()] == [("gateway", first)]
    assert await status(first) == 503
    with pytest.raises(ConnectionRefusedError):
        Conversation.to(second)
    taken.close()


async def test_a_listener_that_is_gone_closes_and_a_new_one_opens(engine: Engine) -> None:
    first, second = free_port(), free_port()
    engine.apply(parse(proxy(gateway(first)))[0])
    assert await status(first) == 503
    engine.apply(parse(proxy(gateway(second)))[0])
    assert await status(second) == 503
    with pytest.raises(ConnectionRefusedError):
        Conversation.to(first)


async def test_an_inbound_listener_is_not_ready_before_it_has_an_identity(engine: Engine) -> None:
    port = free_port()
    engine.apply(parse(proxy(inbound(port, 9), service="shop/catalog"))[0])
    assert engine.ready() == "no identity yet"
    authority = Authority()
    chain, key = authority.issue("spiffe://test.mesh/ns/shop/svc/catalog")
    with pytest.raises(ResourceError, match="identity"):
        engine.set_identity(chain, "no key", [authority.root])
    assert engine.ready() == "no identity yet"
    engine.set_identity(chain, key, [authority.root])
    assert engine.ready() == ""


async def test_a_second_proxy_is_refused(engine: Engine) -> None:
    first = proxy(gateway(free_port()))
    engine.apply(parse(first)[0])
    with pytest.raises(ResourceError, match="under-test"):
        engine.apply(parse({**first, "name": "another"})[0])


async def test_a_request_of_each_route_is_told_of(engine: Engine) -> None:
    app, port = App(echo("app")), free_port()
    beta = {"name": "beta", "match": {"path": {"kind": "prefix", "value": "/beta"}}, "direct": {"status": 410}}
    routed = service({"v1": 1})
    routed["body"]["routes"] = [beta, {"name": "rest", "match": {"methods": ["GET"]}}]
    try:
        for resource in parse(proxy(gateway(port)), routed, endpoints({"v1": [app.port]})):
            engine.apply(resource)
        asked = [b"GET /a?x=1", b"GET /b", b"GET /beta", b"POST /none"]
        for line in asked:
            await status(port, GET.replace(b"GET /", line))
        assert len(engine.collect()) == 3
        told = {sample.route: sample for sample in engine.samples()}
        assert {name: (each.path, each.weight) for name, each in told.items()} == {
            "rest": ("/a", 2),
            "beta": ("/beta", 1),
            "": ("/none", 1),
        }
        assert told["rest"].query == [("x", None)]
        assert engine.collect() == [] and engine.samples() == []
        await status(port)
        engine.collect()
        assert [sample.path for sample in engine.samples()] == ["/"]
    finally:
        app.close()


async def test_a_port_goes_over_between_mtls_and_plaintext_by_way_of_both(engine: Engine, tmp_path: Path) -> None:
    """Callers hear of it at moments of their own: until all have, either is taken."""
    authority = Authority()
    chain, key = authority.issue("spiffe://test.mesh/ns/shop/svc/catalog")
    app, port = App(echo("app")), free_port()
    engine.set_identity(chain, key, [authority.root])

    def receive(mtls: str) -> None:
        for resource in parse({"kind": "inbound", "name": "shop/catalog", "body": {"mtls": mtls}}):
            engine.apply(resource)

    async def taken() -> list[bool]:
        """Whether plaintext is, and mTLS."""

        def plaintext() -> bool:
            with suppress(OSError), Conversation.to(port) as client:
                client.send(GET)
                return client.read_response().status == 200
            return False

        def secured() -> bool:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(cadata=authority.root)
            file = tmp_path / "caller.pem"
            mine, secret = authority.issue("spiffe://test.mesh/ns/shop/svc/frontend")
            file.write_text(secret + mine)
            context.load_cert_chain(file)
            raw = socket.create_connection(("127.0.0.1", port), timeout=5)
            with raw, suppress(OSError), Conversation(context.wrap_socket(raw)) as client:
                client.send(GET)
                return client.read_response().status == 200
            return False

        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(None, ask) for ask in (plaintext, secured)]

    async def becomes(expected: list[bool]) -> None:
        async with asyncio.timeout(10):
            while await taken() != expected:
                pass

    trust = {"kind": "trust", "body": {"trust_domain": "test.mesh", "bundle": [authority.root]}}
    receive("strict")
    for resource in parse(trust, proxy(inbound(port, app.port), service="shop/catalog")):
        engine.apply(resource)
    assert await taken() == [False, True]
    (listening,) = engine._ports.values()
    receive("disable")
    assert await taken() == [True, True]
    receive("disable")
    assert await taken() == [True, True]
    listening.grace_s = 0.05
    receive("strict")
    await becomes([False, True])
    receive("disable")
    await becomes([True, False])
    listening.grace_s = 30.0
    receive("strict")
    assert await taken() == [True, True]
    receive("permissive")
    receive("strict")
    assert await taken() == [False, True], "what was permissive is strict at once"
    app.close()
