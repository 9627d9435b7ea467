"""Addresses as people write them."""

from __future__ import annotations


def address(text: str) -> tuple[str, int]:
    """Read ``host:port``, an IPv6 address in brackets. Raises ValueError."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not ADDRESS:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
