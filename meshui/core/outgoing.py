"""The one door for requests to addresses that users name: webhooks and notifications, keys of token providers.

A user who may name an address must not reach through us what only we can reach. So names are resolved once, every
address is judged, and the connection goes to the very address that was judged: a name that resolves differently the
second time (DNS rebinding) gains nothing. Redirects are not followed. Private, loopback, link-local and metadata
addresses are refused unless ``MESHUI_OUTGOING_ALLOW`` names them or the host.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

TIMEOUT_S = 10.0
"""For everything: the name, the connection, the answer."""
MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; more is left."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Hosts' metadata services at addresses that look public; the others are link-local or private."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(ValueError):
    """The address is none that may be asked. Asking again will not help."""


class Failed(Exception):
    """No answer came: no such name, no connection, too slow, not HTTP. Asking again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is at most the first 64 KiB."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def check(url: str) -> None:
    """Raise Refused for a URL that would be refused whatever its name resolves to. Resolves nothing."""
    parts = _parsed(url)
    host = str(parts.hostname)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not _may(host, address):
        raise Refused(f"{host} is no public address")


def check_secure(url: str) -> None:
    """Raise Refused as ``check`` does, and for what comes without TLS, which anybody between could replace; but for
    hosts that ``MESHUI_OUTGOING_ALLOW`` names."""
    check(url)
    parts = _parsed(url)
    if parts.scheme != "https" and not _is_named(str(parts.hostname)):
        raise Refused("what is fetched must come over https")


def get(url: str, headers: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> Answer:
    """GET a URL that a user named, and that ``check_secure`` lets pass. Raises Refused, Failed."""
    check_secure(url)
    return _ask("GET", url, None, headers, timeout_s)


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> Answer:
    """POST to a URL that a user named. Raises Refused, Failed."""
    return _ask("POST", url, body, headers, timeout_s)


def _ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float) -> Answer:
    parts = _parsed(url)
    deadline = time.monotonic() + timeout_s
    try:
        sock = _connect(parts, deadline)
    except (OSError, FutureTimeout, UnicodeError) as error:
        raise Failed(_said(error)) from error
    connection = http.client.HTTPConnection(str(parts.hostname), _port(parts))
    connection.sock = _Timed(sock, deadline)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, {"Host": parts.netloc, "Connection": "close", **headers})
        response = connection.getresponse()
        return Answer(response.status, response.read(MAX_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(_said(error)) from error
    finally:
        sock.close()


def signed(body: bytes, *, now: float) -> dict[str, str]:
    """Headers by which a receiver knows that the body is ours, and how old it is (``now``: Unix seconds).

    The signature is HMAC-SHA256 over ``<timestamp>.<body>`` with the key that ``manage.py webhook_key`` prints.
    """
    timestamp = str(int(now))
    mac = hmac.new(webhook_key().encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Meshui-Timestamp": timestamp, "X-Meshui-Signature": f"sha256={mac}"}


def webhook_key() -> str:
    """The key that signs webhooks: made from the deployment's secret, so that it is kept nowhere."""
    return hmac.new(settings.SECRET_KEY.encode(), b"meshui webhook signature", hashlib.sha256).hexdigest()


# --- which addresses --------------------------------------------------------------------------------------------


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Refused("expected a URL such as https://hooks.example.com/meshui")
    if parts.username is not None or parts.password is not None:
        raise Refused("a URL with a user or a password would show it to everybody who may see it")
    if not url.isascii() or any(character.isspace() for character in url):
        raise Refused("a URL has no spaces and only ASCII characters")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _may(host: str, address: Address) -> bool:
    hosts, networks = _allowed()
    if host.lower() in hosts or any(address in network for network in networks):
        return True
    return all(_is_public(meant) for meant in _meant(address))


def _is_named(host: str) -> bool:
    hosts, networks = _allowed()
    try:
        return any(ipaddress.ip_address(host) in network for network in networks)
    except ValueError:
        return host.lower() in hosts


def _meant(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that it stands for where it is such an IPv6 one."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            yield address.ipv4_mapped
        if address.sixtofour:
            yield address.sixtofour
        if address.teredo:
            yield from address.teredo
        if address in NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return True  # judged by the IPv4 address it stands for
    return address.is_global and not address.is_multicast and address not in METADATA


def _allowed() -> tuple[frozenset[str], Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    """What ``MESHUI_OUTGOING_ALLOW`` says: names, and networks."""
    hosts, networks = set(), []
    for entry in settings.MESHUI.outgoing_allow:
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            hosts.add(entry.lower())
    return frozenset(hosts), networks


# --- the connection ---------------------------------------------------------------------------------------------


@cache
def _resolver() -> ThreadPoolExecutor:
    """The system's resolver has no timeout; a thread can be left alone."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")


def _connect(parts: SplitResult, deadline: float) -> socket.socket:
    """Connect to the first address that may be asked and answers."""
    host, port = str(parts.hostname), _port(parts)
    asked = _resolver().submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = [(family, sockaddr) for family, _, _, _, sockaddr in asked.result(_left(deadline))]
    fit = [(f, to) for f, to in found if _may(host, ipaddress.ip_address(str(to[0]).partition("%")[0]))]
    if not fit:
        raise Refused(f"{host} leads to no public address")
    last: OSError | None = None
    for family, to in fit:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(deadline))
            sock.connect(to)
            return _secured(sock, host) if parts.scheme == "https" else sock
        except OSError as error:
            sock.close()
            last = error
    raise last or OSError("no address")


def _secured(sock: socket.socket, host: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left


class _Timed:
    """A socket as ``http.client`` uses one, where every wait ends at the deadline: one that answers a byte at a time
    holds us no longer than one that is silent."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(_left(self.deadline))
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """The one who connected closes."""


class _Reader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._timed.sock.settimeout(_left(self._timed.deadline))
        return self._timed.sock.recv_into(buffer)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
