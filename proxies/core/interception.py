"""The nftables rules that lead an app's connections through a proxy without the app's knowing. Pure: text only.

What a rule redirects keeps its own destination in the kernel's connection table, where the proxy asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Network = IPv4Network | IPv6Network
Outbound = tuple[IPv4Address | IPv6Address, int]

_PRIORITY = "-100"
"""Where destinations are changed: ``dstnat``, by a number that every hook takes."""


@dataclass(frozen=True, slots=True)
class Interception:
    """What is led where. ``uid`` is the proxy's own user, and ``mark`` (0: none) one that packets may carry: these are
    never redirected. ``outbound`` are the proxy's transparent listeners on loopback, one for each family that is to be
    redirected. Connections from elsewhere to ``capture`` go to ``inbound_port`` (0: to where they wanted)."""

    table: str
    uid: int
    outbound: Sequence[Outbound] = ()
    mark: int = 0
    excluded_ports: Sequence[int] = field(default_factory=tuple)
    excluded_networks: Sequence[Network] = field(default_factory=tuple)
    inbound_port: int = 0
    capture: Sequence[int] = field(default_factory=tuple)


def apply_script(interception: Interception) -> str:
    """A script for ``nft -f``: in one step, it replaces the table that may be there."""
    chains = [list(chain) for chain in (_output(interception), _prerouting(interception)) if chain]
    lines = [line for chain in chains for line in chain]
    return f"{remove_script(interception.table)}table inet {interception.table} {{\n{_indented(lines)}}}\n"


def remove_script(table: str) -> str:
    """A script that removes the table, whether it is there or not."""
    return f"add table inet {table}\ndelete table inet {table}\n"


def _output(wanted: Interception) -> list[str]:
    if not wanted.outbound:
        return []
    return [
        "chain output {",
        f"\ttype nat hook output priority {_PRIORITY}; policy accept;",
        f"\tmeta skuid {wanted.uid} return",
        *([f"\tmeta mark {wanted.mark:#x} return"] if wanted.mark else []),
        '\toifname "lo" return',
        *(f"\t{line} return" for line in _excluded(wanted)),
        *(
            f"\tmeta nfproto {_family(address)} meta l4proto tcp redirect to :{port}"
            for address, port in wanted.outbound
        ),
        "}",
    ]


def _prerouting(wanted: Interception) -> list[str]:
    if not wanted.inbound_port:
        return []
    return [
        "chain prerouting {",
        f"\ttype nat hook prerouting priority {_PRIORITY}; policy accept;",
        '\tiifname "lo" return',
        f"\ttcp dport {_set(wanted.capture)} redirect to :{wanted.inbound_port}",
        "}",
    ]


def _excluded(wanted: Interception) -> Iterator[str]:
    for version, word in ((4, "ip"), (6, "ip6")):
        networks = [str(network) for network in wanted.excluded_networks if network.version == version]
        if networks:
            yield f"{word} daddr {{ {', '.join(networks)} }}"
    if wanted.excluded_ports:
        yield f"tcp dport {_set(wanted.excluded_ports)}"


def _family(address: IPv4Address | IPv6Address) -> str:
    return "ipv4" if address.version == 4 else "ipv6"


def _set(ports: Sequence[int]) -> str:
    return f"{{ {', '.join(map(str, ports))} }}"


def _indented(lines: Sequence[str]) -> str:
    return "".join(f"\t{line}\n" for line in lines)
