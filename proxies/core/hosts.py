"""Which service a host name means: exact names first, then the longest ``*.suffix``, then ``*``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class HostTable(Generic[T]):
    """An immutable table of host patterns. Names are compared in lower case and without port."""

    __slots__ = ("_any", "_exact", "_suffixes", "find")

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        """The first entry of a repeated pattern wins."""
        self._exact: dict[bytes, T] = {}
        self._any: T | None = None
        suffixes: dict[bytes, T] = {}
        for pattern, value in entries:
            host = pattern.lower().encode()
            if host == b"*":
                self._any = value if self._any is None else self._any
            elif host.startswith(b"*."):
                suffixes.setdefault(host[1:], value)
            else:
                self._exact.setdefault(host, value)
        self._suffixes = sorted(suffixes.items(), key=lambda item: -len(item[0]))
        self.find = self._exact.get if not suffixes and self._any is None else self._search
        """The value for a host in lower case without port, or None."""

    def _search(self, host: bytes) -> T | None:
        found = self._exact.get(host)
        if found is not None:
            return found
        for suffix, value in self._suffixes:
            if host.endswith(suffix):
                return value
        return self._any
