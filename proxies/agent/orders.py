"""What the agent asks of ``certify`` and what comes back, and the asking."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
from msgspec import Struct

from proxies.wire.resources import Listener

DEADLINE_S = 30.0


class JoinOrder(Struct, frozen=True, kw_only=True, tag="join"):
    """Join the control plane at ``url``; ``ca_file`` of "" trusts the system's authorities."""

    url: str
    ca_file: str
    token: str
    name: str
    listeners: list[Listener]
    admin: str
    proxy_version: str
    node: bool = False
    service: str = ""
    locality: str = ""
    weight: int = 100


class RenewOrder(Struct, frozen=True, kw_only=True, tag="renew"):
    """Renew ``certificate`` (PEM chain), whose private key is ``key`` (PEM)."""

    url: str
    ca_file: str
    proxy_id: str
    key: str
    certificate: str


Order = JoinOrder | RenewOrder


class Granted(Struct, frozen=True, kw_only=True, tag="granted"):
    """``answer`` is a JoinResponse or RenewResponse; ``key`` (PEM) belongs to its certificate. Times are Unix
    seconds."""

    answer: dict[str, Any]
    key: str
    obtained_at: float
    not_after: float


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """``final``: asking again the same way is of no use. ``retry_after_s`` is when the control plane wants to be asked
    again, 0 where it did not say."""

    detail: str
    final: bool
    retry_after_s: float = 0.0


Outcome = Granted | Refused


async def place(order: Order) -> Outcome:
    """Have an order carried out by a process of its own, within 30 s."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "proxies.agent.certify",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            written, _ = await process.communicate(msgspec.json.encode(order))
        return msgspec.json.decode(written, type=Granted | Refused)
    except TimeoutError:
        return Refused(detail=f"{order.url}: no answer within {DEADLINE_S:.0f} s", final=False)
    except msgspec.DecodeError:
        return Refused(detail=f"asking {order.url} failed with status {process.returncode}", final=False)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
