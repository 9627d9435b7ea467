"""The DNS port on real sockets, and as a flag of a real proxy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from proxies.agent import dns as port
from proxies.agent.command import parse
from proxies.agent.dns import DnsServer, serve_dns
from proxies.wire import resources as wire
from tests.support.poll import until

MANY = 90


class Engine:
    """As an engine shows itself: ``shop/catalog`` with many instances, and an outbound listener."""

    def resource(self, key: str) -> wire.Resource | None:
        if key == "service:shop/catalog":
            body = wire.ServiceBody(hosts=["catalog.shop.mesh"], versions=["v1"], split=[], routes=[])
            return wire.ServiceResource(name="shop/catalog", body=body)
        if key == "endpoints:shop/catalog":
            found = [wire.Endpoint(id=f"{n}", address=f"10.0.0.{n}", port=80, version="v1") for n in range(MANY)]
            return wire.EndpointsResource(name="shop/catalog", body=wire.EndpointsBody(endpoints=found))
        if key == "proxy:px-1":
            listener = wire.OutboundListener(address="127.0.0.1", port=15001)
            itself = wire.ProxyBody(service="shop/cart", version="v1", listeners=[listener])
            return wire.ProxyResource(name="px-1", body=itself)
        return None

    def applied(self) -> Mapping[str, object]:
        return dict.fromkeys(["service:shop/catalog", "endpoints:shop/catalog", "proxy:px-1"])


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    running = await serve_dns(Engine(), "127.0.0.1", 0)
    yield running
    running.close()


ASK = dns.message.make_query("catalog.shop.mesh", "A")
ASK_SRV = dns.message.make_query("catalog.shop.mesh", "SRV")


async def test_both_protocols_answer(server: DnsServer) -> None:
    for over in (dns.asyncquery.udp, dns.asyncquery.tcp):
        answer = await over(ASK, "127.0.0.1", port=server.port, timeout=5)
        assert [item.to_text() for item in answer.answer[0]] == ["127.0.0.1"]


async def test_what_is_too_long_for_udp_comes_over_tcp(server: DnsServer) -> None:
    cut = await dns.asyncquery.udp(ASK_SRV, "127.0.0.1", port=server.port, timeout=5)
    assert cut.flags & dns.flags.TC
    whole, over_tcp = await dns.asyncquery.udp_with_fallback(ASK_SRV, "127.0.0.1", port=server.port, timeout=5)
    assert (over_tcp, len(whole.answer[0])) == (True, MANY)


async def test_a_connection_takes_queries_one_after_the_other_and_in_pieces(server: DnsServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    sent = b"".join(len(q).to_bytes(2, "big") + q for q in (ASK.to_wire(), ASK_SRV.to_wire()))
    for part in (sent[:1], sent[1:10], sent[10:50], sent[50:]):
        writer.write(part)
        await writer.drain()
    for asked in (ASK, ASK_SRV):
        length = int.from_bytes(await reader.readexactly(2), "big")
        assert asked.is_response(dns.message.from_wire(await reader.readexactly(length)))
    writer.close()


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x00\x01x"])
async def test_garbage_closes_a_connection_and_the_next_is_served(server: DnsServer, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert (await dns.asyncquery.tcp(ASK, "127.0.0.1", port=server.port, timeout=5)).answer


async def test_silence_closes_a_connection(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "IDLE_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\0")
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_connections_are_bounded(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "MAX_CONNECTIONS", 2)
    held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    with pytest.raises((EOFError, ConnectionResetError)):
        await dns.asyncquery.tcp(ASK, "127.0.0.1", port=server.port, timeout=5)
    for _, writer in held:
        writer.close()


async def test_a_reply_sent_to_us_is_not_answered(server: DnsServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("127.0.0.1", server.port))
        client.send(dns.message.make_response(ASK).to_wire())
        client.send(ASK.to_wire())
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 4096), 5)
    assert ASK.is_response(dns.message.from_wire(data))


@pytest.mark.parametrize("address", ["0.0.0.0:53", "10.0.0.1:53", "[::]:53", "localhost:53"])
def test_others_are_not_answered(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--join", "http://x", "--state", "s", "--name", "n", "--outbound", "127.0.0.1:1", "--dns"]
    with pytest.raises(SystemExit):
        parse([*words, address])
    assert "--dns" in capsys.readouterr().err
    assert parse([*words, "[::1]:53"]).dns == ("::1", 53)


# --- a real proxy -----------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Its DNS and outbound ports."""
    ports = []
    for _ in range(3):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    names, outbound, admin = ports
    listener = {"kind": "outbound", "address": "127.0.0.1", "port": outbound}
    service = {"hosts": ["catalog.shop.mesh"], "versions": ["v1"], "split": [{"version": "v1", "weight": 1}]}
    instance = {"id": "a", "address": "127.0.0.1", "port": 9, "version": "v1"}
    resources = [
        {"kind": "proxy", "name": "p", "body": {"service": "shop/cart", "version": "v1", "listeners": [listener]}},
        {"kind": "service", "name": "shop/catalog", "body": service | {"routes": [{"name": "default"}]}},
        {"kind": "endpoints", "name": "shop/catalog", "body": {"endpoints": [instance]}},
    ]
    file = tmp_path / "mesh.json"
    file.write_text(json.dumps({"resources": resources}))
    command = [sys.executable, "-m", "proxies", "run", "--resources", str(file)]
    flags = ["--dns", f"127.0.0.1:{names}", "--admin", f"127.0.0.1:{admin}"]
    with subprocess.Popen([*command, *flags]) as process:
        yield names, outbound
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.flow
def test_a_proxy_answers_names_and_is_where_they_lead(proxy: tuple[int, int]) -> None:
    names, outbound = proxy

    def answer() -> dns.message.Message | None:
        try:
            said = dns.query.udp(ASK, "127.0.0.1", port=names, timeout=1)
        except (OSError, dns.exception.Timeout):
            return None
        return said if said.answer else None

    found = until(answer, "the proxy answers names")
    assert found is not None
    address = found.answer[0][0].to_text()
    with socket.create_connection((address, outbound), timeout=5) as app:
        app.sendall(f"GET / HTTP/1.1\r\nHost: catalog.shop.mesh:{outbound}\r\n\r\n".encode())
        # The mesh knew the service by its name; nobody listens at the instance's port.
        assert app.recv(4096).startswith(b"HTTP/1.1 503 ")
    srv = dns.query.udp(ASK_SRV, "127.0.0.1", port=names, timeout=5)
    assert srv.answer[0][0].to_text() == "0 100 9 7f000001.catalog.shop.mesh."
    outside = dns.query.udp(dns.message.make_query("example.com", "A"), "127.0.0.1", port=names, timeout=5)
    assert outside.rcode() == dns.rcode.REFUSED
