"""Where an instance may be: a host or an IP address, and not one that turns our own requests against us (SSRF)."""

from __future__ import annotations

import ipaddress
import re

from meshui.core.errors import InvalidInput

HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*", re.I)
NUMERIC = re.compile(r"(\d+|0x[0-9a-f]*)", re.I)
"""A last label that resolvers read as part of an IPv4 address in a form of old, such as ``127.1`` or ``0x7f000001``."""


def check_address(address: str, *, local_allowed: bool) -> None:
    """Raise InvalidInput unless it is a host name or an IP address, without scheme, port or brackets.

    Loopback and link-local addresses pass only with ``local_allowed``; unspecified and multicast ones never do.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        _check_name(address, local_allowed)
        return
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if "%" in address or ip.is_unspecified or ip.is_multicast:
        raise _refused(address)
    if (ip.is_loopback or ip.is_link_local) and not local_allowed:
        raise _refused(address)


def _check_name(name: str, local_allowed: bool) -> None:
    if not HOST.fullmatch(name) or NUMERIC.fullmatch(name.rpartition(".")[2]):
        raise InvalidInput.field("address", "invalid", "expected a host name or an IP address")
    if name.lower().rpartition(".")[2] == "localhost" and not local_allowed:
        raise _refused(name)


def _refused(address: str) -> InvalidInput:
    return InvalidInput.field("address", "address_refused", f"{address} is not an address that others reach")
