from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from proxies.agent import resp
from proxies.agent.resp import Connection, Login, RedisError, connect
from tests.proxies.agent.mesh import PASSWORD, PROXY, Valkey


def ignore(channel: str, payload: bytes) -> None:
    pass


async def log_in(valkey: Valkey, on_message: Callable[[str, bytes], None] = ignore) -> Connection:
    return await connect(Login(valkey.proxy_url, PROXY, PASSWORD), on_message)


async def test_replies_come_in_the_order_of_commands(valkey: Valkey) -> None:
    connection = await log_in(valkey)
    replies: list[Any] = []
    for key in ("trust", "directory"):
        connection.send("GET", f"mesh:res:{key}", then=replies.append)
    connection.send("GET", "mesh:res:proxy:someone-else", then=replies.append)
    assert await connection.call("PING") == b"PONG"
    assert replies[:2] == [None, None]
    assert isinstance(replies[2], RedisError)
    connection.close()


async def test_a_wrong_password_is_refused(valkey: Valkey) -> None:
    with pytest.raises(RedisError, match="WRONGPASS"):
        await connect(Login(valkey.proxy_url, PROXY, "wrong"), ignore)


async def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Login("redis://x", "me", "secret"))


async def test_messages_arrive_between_replies(valkey: Valkey) -> None:
    heard: list[tuple[str, bytes]] = []
    connection = await log_in(valkey, lambda channel, payload: heard.append((channel, payload)))
    confirmed: list[Any] = []
    connection.subscribe("PSUBSCRIBE", ["mesh:hint:service:*", "mesh:hint:endpoints:*"], confirmed.append)
    connection.subscribe("SUBSCRIBE", ["mesh:hint:trust"], confirmed.append)
    await connection.call("PING")
    assert confirmed == [None, None]
    for channel in ("mesh:hint:service:a/b", "mesh:hint:trust"):
        valkey.client.publish(channel, b"x")
    async with asyncio.timeout(5):
        while len(heard) < 2:
            await connection.call("PING")
    assert heard == [("mesh:hint:service:a/b", b"x"), ("mesh:hint:trust", b"x")]
    connection.close()


async def test_a_subscription_that_is_not_allowed_is_an_error(valkey: Valkey) -> None:
    connection = await log_in(valkey)
    outcome: list[Any] = []
    connection.subscribe("SUBSCRIBE", ["mesh:hint:proxy:someone-else"], outcome.append)
    assert await connection.call("PING") == b"PONG"
    assert isinstance(outcome[0], RedisError)
    connection.close()


async def test_whoever_waits_is_told_when_the_connection_is_lost(valkey: Valkey) -> None:
    connection = await log_in(valkey)
    valkey.kill()
    with pytest.raises(RedisError):
        await connection.call("PING")
    await asyncio.wait_for(connection.lost, 5)
    with pytest.raises(RedisError, match="not connected"):
        await connection.call("PING")


@asynccontextmanager
async def server(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[str]:
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_a_server_that_owes_a_reply_is_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PASSWORD\r\n")
        writer.write(b"%0\r\n")
        await reader.read()
        writer.close()

    async with server(silent) as url:
        connection = await connect(Login(url, "me", "PASSWORD"), ignore)
        assert not connection.stalled
        monkeypatch.setattr(resp, "STALLED_S", -1)
        assert not connection.stalled, "nothing is owed"
        connection.send("PING", then=lambda _: None)
        assert connection.stalled
        connection.close()


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resp, "CONNECT_S", 0.1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with server(silent) as url:
        with pytest.raises(TimeoutError):
            await connect(Login(url, "me", "x"), ignore)


async def test_garbage_ends_the_connection() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with server(rude) as url:
        with pytest.raises(RedisError, match="not the Redis protocol"):
            await connect(Login(url, "me", "x"), ignore)
