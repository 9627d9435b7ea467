"""A demo service answers for itself and names whom it called, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from meshui.demo import knobs, topology
from meshui.demo.app import App, Exchange
from meshui.demo.client import Client, ClientError
from meshui.demo.load import Load


class Sidecar:
    """Stands for the sidecar's outbound listener: answers by Host, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            line, headers = head
            self.asked.append((line, headers))
            status, body = self.answers.get(headers["host"], (503, ""))
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(raw), raw))
        writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    try:
        raw = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    line, *rest = raw.rstrip().split("\r\n")
    return line, {name.lower(): value for name, value in (text.split(": ", 1) for text in rest)}


@pytest.fixture
async def sidecar() -> AsyncIterator[tuple[Sidecar, int]]:
    made = Sidecar()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        yield made, server.sockets[0].getsockname()[1]


async def run(service: str, outbound: int, folder: Path) -> tuple[asyncio.Server, Client]:
    """The service on a free port, and a client to it."""
    file = knobs.knobs_file(folder, service, "v1")
    sidecar = Client("127.0.0.1", outbound, limit=4, timeout_s=5)
    app = App(topology.service(service), "v1", sidecar, knobs.Watched(file))
    server = await asyncio.get_running_loop().create_server(lambda: Exchange(app, set()), "127.0.0.1", 0)
    return server, Client("127.0.0.1", server.sockets[0].getsockname()[1], limit=4, timeout_s=5)


def served(service: str, version: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"service": service, "version": version, "calls": list(calls)}


async def test_a_walk_names_everyone_who_served(sidecar: tuple[Sidecar, int], tmp_path: Path) -> None:
    mesh, port = sidecar
    inventory = {"service": "platform/inventory", "version": "v1", "status": 200, "calls": []}
    mesh.answers = {
        "catalog.shop.mesh": (200, served("shop/catalog", "v2", inventory)),
        "cart.shop.mesh": (200, served("shop/cart", "v1")),
        "recommendations.shop.mesh": (500, "broken"),
    }
    _, client = await run("shop/frontend", port, tmp_path)
    response = await client.request("GET", "any.host", "/")
    assert response.status == 200
    assert json.loads(response.body) == {
        "service": "shop/frontend",
        "version": "v1",
        "calls": [
            {"service": "shop/catalog", "version": "v2", "status": 200, "calls": [inventory]},
            {"service": "shop/cart", "version": "v1", "status": 200, "calls": []},
            {"service": "shop/recommendations", "status": 500},
        ],
    }


async def test_a_checkout_reaches_payments(sidecar: tuple[Sidecar, int], tmp_path: Path) -> None:
    mesh, port = sidecar
    _, frontend = await run("shop/frontend", port, tmp_path)
    _, checkout = await run("shop/checkout", port, tmp_path)
    await frontend.request("POST", "any.host", "/checkout")
    await checkout.request("POST", "any.host", "/checkout")
    assert {(line, headers["host"]) for line, headers in mesh.asked} == {
        ("POST /checkout HTTP/1.1", "checkout.shop.mesh"),
        ("GET / HTTP/1.1", "cart.shop.mesh"),
        ("POST /charge HTTP/1.1", "payments.shop.mesh"),
        ("GET / HTTP/1.1", "users.platform.mesh"),
    }


async def test_a_trace_goes_on_and_nothing_else_does(sidecar: tuple[Sidecar, int], tmp_path: Path) -> None:
    mesh, port = sidecar
    _, client = await run("shop/cart", port, tmp_path)
    sent = [(b"traceparent", b"00-aa-bb-01"), (b"X-Request-Id", b"r1"), (b"cookie", b"secret")]
    await client.request("GET", "any.host", "/", sent)
    (_, headers) = mesh.asked[0]
    assert headers == {"host": "users.platform.mesh", "traceparent": "00-aa-bb-01", "x-request-id": "r1"}


@pytest.mark.parametrize("answer", ["no json", json.dumps({"other": 1}), "[]"])
async def test_an_answer_of_somebody_else_is_a_failed_call(
    sidecar: tuple[Sidecar, int], tmp_path: Path, answer: str
) -> None:
    mesh, port = sidecar
    mesh.answers = {"users.platform.mesh": (200, answer)}
    _, client = await run("shop/cart", port, tmp_path)
    body = json.loads((await client.request("GET", "any.host", "/")).body)
    assert body["calls"] == [{"service": "platform/users", "status": 502}]


async def test_without_its_sidecar_a_call_failed_with_503(tmp_path: Path, unused_tcp_port: int) -> None:
    _, client = await run("shop/cart", unused_tcp_port, tmp_path)
    body = json.loads((await client.request("GET", "any.host", "/")).body)
    assert body["calls"] == [{"service": "platform/users", "status": 503}]


async def test_knobs_take_effect_at_once_and_survive(sidecar: tuple[Sidecar, int], tmp_path: Path) -> None:
    _, port = sidecar
    _, client = await run("platform/users", port, tmp_path)
    file = knobs.knobs_file(tmp_path, "platform/users", "v1")
    assert (await client.request("GET", "any.host", "/")).status == 200
    knobs.write(file, knobs.Knobs(error_rate=1.0))
    broken = await client.request("GET", "any.host", "/")
    assert (broken.status, json.loads(broken.body)) == (500, {"service": "platform/users", "status": 500})
    _, restarted = await run("platform/users", port, tmp_path)
    assert (await restarted.request("GET", "any.host", "/")).status == 500
    knobs.write(file, knobs.Knobs())
    assert (await client.request("GET", "any.host", "/")).status == 200


async def test_latency_delays_the_answer(sidecar: tuple[Sidecar, int], tmp_path: Path) -> None:
    _, port = sidecar
    server, _ = await run("platform/users", port, tmp_path)
    knobs.write(knobs.knobs_file(tmp_path, "platform/users", "v1"), knobs.Knobs(latency_ms=10_000))
    impatient = Client("127.0.0.1", server.sockets[0].getsockname()[1], limit=1, timeout_s=0.1)
    with pytest.raises(ClientError) as caught:
        await impatient.request("GET", "any.host", "/")
    assert caught.value.status == 504


async def test_malformed_http_is_answered_400_and_closed(tmp_path: Path) -> None:
    server, _ = await run("platform/users", 1, tmp_path)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"NOT HTTP\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_load_keeps_its_rate_while_everything_fails(unused_tcp_port: int) -> None:
    load = Load(Client("127.0.0.1", unused_tcp_port, limit=4, timeout_s=5), rps=1000)
    stop = asyncio.Event()
    sending = asyncio.create_task(load.run(stop))
    async with asyncio.timeout(20):
        while sum(load.failures.values()) < 50:
            await asyncio.sleep(0.01)
    stop.set()
    await sending
    assert load.sent >= 50


async def test_load_mixes_checkouts_in(sidecar: tuple[Sidecar, int]) -> None:
    mesh, port = sidecar
    mesh.answers = {"shop.example": (200, "")}
    load = Load(Client("127.0.0.1", port, limit=4, timeout_s=5), rps=1000)
    stop = asyncio.Event()
    sending = asyncio.create_task(load.run(stop))
    async with asyncio.timeout(20):
        while len(mesh.asked) < 40:
            await asyncio.sleep(0.01)
    stop.set()
    await sending
    lines = [line for line, _ in mesh.asked[:40]]
    assert 3 <= lines.count("POST /checkout HTTP/1.1") <= 5
    assert not load.failures
