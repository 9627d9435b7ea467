"""What a token says, once it was verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Token:
    """A token that was verified. ``until`` (Unix seconds) is when it ends, skew included; ``lines`` are what the app is
    told of it."""

    __slots__ = ("_claims", "_values", "lines", "provider", "until")

    def __init__(
        self, provider: str, claims: Mapping[str, Any], until: float = 0.0, lines: Sequence[bytes] = ()
    ) -> None:
        self.provider = provider
        self.until = until
        self.lines = lines
        self._claims = claims
        self._values: dict[str, frozenset[bytes]] = {}

    def values(self, claim: str) -> frozenset[bytes]:
        """What it says under a name, as text; several where it is a list. The words of ``scope`` (RFC 8693 section 4.2)
        count each."""
        found = self._values.get(claim)
        if found is None:
            found = self._values[claim] = frozenset(claimed(self._claims, claim, words=claim == "scope"))
        return found


def claimed(claims: Mapping[str, Any], name: str, *, words: bool = False) -> list[bytes]:
    """The values of a claim as text, by its name or by a path of names with dots between; with ``words`` also each word
    of them. What is no text, number or truth is left out."""
    return _texts(claims[name] if name in claims else _at(claims, name.split(".")), words=words)


def _at(claims: Mapping[str, Any], path: Sequence[str]) -> object:
    found: object = claims
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def _texts(value: object, *, words: bool) -> list[bytes]:
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return [text, *text.split(b" ")] if words else [text]
    if isinstance(value, bool):
        return [b"true" if value else b"false"]
    if isinstance(value, int | float):
        return [str(value).encode()]
    if isinstance(value, list):
        return [text for each in value if not isinstance(each, list | dict) for text in _texts(each, words=words)]
    return []
