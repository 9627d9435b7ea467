"""One probe: connect, over mTLS where a sidecar receives, and see what comes back. Nothing is remembered.

A name is resolved here and every address it leads to is checked by the registry's own rules; the connection is made to
the checked address, so that a name that means another one a moment later leads nowhere else. No redirect is followed.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from meshui.catalog.addresses import check_address
from meshui.catalog.checks import HttpCheck, TcpCheck
from meshui.core.errors import InvalidInput

MAX_LINE = 8 * 1024
LATE_S = 1.0
"""A probe that ended this much after its timeout was held up by us: it says nothing of the instance."""
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([^\r\n]*))?\r?\n")


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask. ``host`` is the service's name; ``identity`` is whose certificate a sidecar must show, empty where
    the instance is asked in the clear."""

    check: HttpCheck | TcpCheck
    address: str
    port: int
    host: str
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """``output`` is one printable line."""

    good: bool
    output: str


async def probe(target: Target, context: ssl.SSLContext | None, *, local_allowed: bool) -> Answer | None:
    """Ask once; None where it says nothing of the instance: we were too slow ourselves, or have no credentials for a
    sidecar. ``context`` is how a sidecar is spoken to."""
    if target.identity and context is None:
        return None
    loop = asyncio.get_running_loop()
    timeout_s = target.check.timeout_ms / 1000
    began = loop.time()
    try:
        async with asyncio.timeout(timeout_s), _connected(target, context, local_allowed) as (reader, writer):
            if isinstance(target.check, TcpCheck):
                return Answer(True, "connected")
            return await _get(target.check, target.host, reader, writer)
    except TimeoutError:
        if loop.time() - began > timeout_s + LATE_S:
            return None
        return Answer(False, f"no answer within {target.check.timeout_ms} ms")
    except InvalidInput as error:
        return Answer(False, _printable(error.detail))
    except (OSError, EOFError, ValueError) as error:  # ssl.SSLError is an OSError
        return Answer(False, _printable(str(error) or type(error).__name__))


@asynccontextmanager
async def _connected(
    target: Target, context: ssl.SSLContext | None, local_allowed: bool
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = await _resolve(target.address, target.port, local_allowed)
    reader, writer = await asyncio.open_connection(
        address,
        target.port,
        ssl=context if target.identity else None,
        server_hostname=target.host if target.identity else None,
        limit=MAX_LINE,
    )
    try:
        if target.identity and _identities(writer) != [target.identity]:
            raise ConnectionError(f"the peer is not {target.identity}")
        yield reader, writer
    finally:
        writer.transport.abort()


async def _resolve(address: str, port: int, local_allowed: bool) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(address, port, type=socket.SOCK_STREAM)
    addresses = [str(sockaddr[0]) for *_, sockaddr in found]
    for each in addresses:
        check_address(each, local_allowed=local_allowed)
    return addresses[0]


def _identities(writer: asyncio.StreamWriter) -> list[str]:
    certificate = writer.get_extra_info("peercert") or {}
    return [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]


async def _get(check: HttpCheck, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    request = f"GET {check.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: meshui-registry\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    line = await reader.readline()
    matched = STATUS_LINE.fullmatch(line)
    if matched is None:
        return Answer(False, "the answer is no HTTP" if line else "closed without an answer")
    status = int(matched[1])
    reason = (matched[2] or b"").decode("ascii", "replace")
    return Answer(check.status_min <= status <= check.status_max, _printable(f"{status} {reason}".strip()))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)[:200]
