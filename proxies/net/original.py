"""Where a connection that was redirected wanted to go: asked of the kernel's connection table (netfilter)."""

from __future__ import annotations

import ipaddress
import socket
import struct

from proxies.net.flow import Transport

SO_ORIGINAL_DST = 80
"""linux/netfilter_ipv4.h; IP6T_SO_ORIGINAL_DST has the same number."""
_SOCKADDR_IN = struct.Struct("=H2s4s8x")
_SOCKADDR_IN6 = struct.Struct("=H2s4x16s4x")


def original_destination(transport: Transport) -> tuple[str, int] | None:
    """The address and port that the peer connected to; None where it connected here itself."""
    connection = transport.get_extra_info("socket")
    here = transport.get_extra_info("sockname")
    if connection is None or here is None:
        return None
    local = ipaddress.ip_address(str(here[0]).partition("%")[0])
    mapped = local.ipv4_mapped if isinstance(local, ipaddress.IPv6Address) else None
    try:
        if local.version == 4 or mapped is not None:
            data = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, _SOCKADDR_IN.size)
            _, port, packed = _SOCKADDR_IN.unpack(data)
        else:
            data = connection.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, _SOCKADDR_IN6.size)
            _, port, packed = _SOCKADDR_IN6.unpack(data)
    except OSError:  # no entry, or no such table at all
        return None
    found = (str(ipaddress.ip_address(packed)), int.from_bytes(port, "big"))
    return None if found == (str(mapped or local), here[1]) else found
