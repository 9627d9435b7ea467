"""The engine's side of TCP services: what it is told, what it can be asked, what it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxies.net.engine import Engine
from proxies.net.metrics import Edge, Metrics
from proxies.wire import resources as wire
from proxies.wire.histogram import bucket
from proxies.wire.reports import Closed, Responses
from proxies.wire.resources import ResourceError
from tests.conformance.harness import endpoints, free_port, inbound, proxy, service
from tests.proxies.net.test_engine import parse

EDGE = Edge("source", "a/b", "v1", "c/d", "v2", "", "tcp", True)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine()
    made.start()
    yield made
    made.stop()


def db(name: str, port: int, *addresses: tuple[str, int]) -> list[wire.Resource]:
    found: dict[str, Any] = endpoints({}, name=name)
    found["body"]["endpoints"] = [
        {"id": f"{address}:{number}", "address": address, "port": number, "version": "v1"}
        for address, number in addresses
    ]
    return parse(service({"v1": 1}, name=name, routes=[], protocol="tcp", port=port), found)


async def test_an_address_means_the_service_that_has_it(engine: Engine) -> None:
    for resource in (
        *db("shop/db", 5432, ("10.0.0.7", 15006), ("10.0.0.8", 15006)),
        *db("shop/queue", 5672, ("10.0.0.7", 16006)),
        *db("shop/other", 5432, ("10.0.0.8", 17006)),
        *parse(service({"v1": 1}, name="shop/web"), endpoints({"v1": [8080]}, name="shop/web")),
    ):
        engine.apply(resource)

    def means(address: str, port: int) -> str:
        found = engine.tcp_cluster_for(address, port)
        return found.name if found is not None else ""

    assert means("10.0.0.7", 15006) == means("10.0.0.7", 5432) == "shop/db"
    assert means("10.0.0.7", 5672) == "shop/queue"
    assert means("10.0.0.8", 15006) == "shop/db"
    assert means("10.0.0.8", 17006) == "shop/other"
    assert means("10.0.0.8", 5432) == ""  # two services have it
    assert means("10.0.0.9", 5432) == means("127.0.0.1", 8080) == ""
    engine.remove("service:shop/queue")
    assert means("10.0.0.7", 5672) == ""


async def test_a_listener_keeps_its_protocol(engine: Engine) -> None:
    port = free_port()
    engine.apply(*parse(proxy(inbound(port, 1))))
    tcp = {**inbound(port, 1), "protocol": "tcp"}
    with pytest.raises(ResourceError, match="cannot turn"):
        engine.apply(*parse(proxy(tcp)))
    assert engine.addresses() == [("inbound", "127.0.0.1", port)]
    engine.apply(*parse(proxy()))
    engine.apply(*parse(proxy(tcp)))
    assert engine.addresses() == [("inbound", "127.0.0.1", port)]


def test_connections_are_folded_at_both_ends_and_bytes_between() -> None:
    metrics = Metrics()
    row = metrics.row(EDGE)
    row.established()
    row.failed("UF")
    row.carried(10, 0)
    (first,) = metrics.collect()
    assert first.responses == [Responses(200, "", 1), Responses(0, "UF", 1)]
    assert (first.request_bytes, first.response_bytes, first.closed, first.histogram) == (10, 0, [], [])
    row.carried(0, 20)
    row.ended("SI", 1500)
    (second,) = metrics.collect()
    assert (second.responses, second.response_bytes) == ([], 20)
    assert (second.closed, second.histogram) == ([Closed("SI", 1)], [bucket(1500), 1])
    assert metrics.collect() == []
    total = row.total()
    assert total is not None
    assert (total.responses, total.closed) == ({(200, ""): 1, (0, "UF"): 1}, {"SI": 1})
