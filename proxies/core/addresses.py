"""Addresses, numbers and the like as people write them on a command line."""

from __future__ import annotations

import ipaddress

STDOUT, NOWHERE = "stdout", "none"
ACCESS_LOG_HELP = "where the access log goes while it is on: a file, stdout (the default), or none"


def address(text: str) -> tuple[str, int]:
    """Read ``host:port``, an IPv6 address in brackets. Raises ValueError."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not ADDRESS:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def loopback(text: str) -> tuple[str, int]:
    """As ``address``, of this machine alone. Raises ValueError for one that others reach."""
    host, port = address(text)
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host} is no loopback address")
    return host, port


def workers(text: str) -> int:
    """Read a number of processes, 1 to 64. Raises ValueError."""
    count = int(text)
    if not 1 <= count <= 64:
        raise ValueError(f"{count} is not from 1 to 64")
    return count
