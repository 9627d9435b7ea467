"""Peers that are no peers any more: whose identity is denied, or whose certificate was revoked.

Asked at the end of each handshake, where a resumed session has the certificate that it began with; and whoever is
connected when the list changes is cut off at once, whatever it does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Secured(Protocol):
    """An open connection of which the peer is known."""

    peer: str
    serial: str

    def abort(self) -> None: ...


class Denials:
    """Of one proxy, for all its connections that speak mTLS."""

    def __init__(self) -> None:
        self._identities: frozenset[str] = frozenset()
        self._serials: frozenset[str] = frozenset()
        self._open: set[Secured] = set()

    def refuses(self, identity: str, serial: str) -> bool:
        """Whether this identity, by the certificate of this serial (hex, lower case, no leading zeros), is no peer."""
        return identity in self._identities or serial in self._serials

    def opened(self, connection: Secured) -> None:
        self._open.add(connection)

    def closed(self, connection: Secured) -> None:
        self._open.discard(connection)

    def replace(self, identities: Collection[str], serials: Collection[str]) -> None:
        """Deny these and nobody else, and cut off whom that concerns."""
        self._identities, self._serials = frozenset(identities), frozenset(serials)
        if not self._identities and not self._serials:
            return
        for connection in [each for each in self._open if self.refuses(each.peer, each.serial)]:
            connection.abort()
