"""Who is at the other end of a client's connection, as far as decisions ask."""

from __future__ import annotations

from typing import Protocol


class Peer(Protocol):
    @property
    def secured(self) -> bool:
        """Whether the connection is encrypted."""

    def who(self) -> bytes:
        """The service that the peer proved to be (``namespace/name``); of any other peer, its address."""
