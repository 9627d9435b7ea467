"""Where a request may carry a token: a header, a cookie, a parameter of the query. Each finds what is there, and takes
it out of what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from proxies.core import fields
from proxies.core.head import RequestHead
from proxies.wire.tokens import TokenProvider


class Place:
    """``number`` tells it from the others; ``providers`` are those whose tokens may be there."""

    __slots__ = ("name", "number", "providers")

    def __init__(self, number: int, name: bytes, providers: Sequence[str]) -> None:
        self.number = number
        self.name = name
        self.providers = providers

    def find(self, head: RequestHead) -> list[bytes]:
        """What is there: mostly nothing or one; more where the request says different things."""
        raise NotImplementedError

    def remove(self, head: RequestHead) -> None:
        """Take it out of what goes on."""
        raise NotImplementedError


class HeaderPlace(Place):
    """All of a header's value, or what follows ``scheme`` and a space."""

    __slots__ = ("_scheme",)

    def __init__(self, number: int, name: bytes, providers: Sequence[str], scheme: bytes) -> None:
        super().__init__(number, name, providers)
        self._scheme = scheme.lower()

    def find(self, head: RequestHead) -> list[bytes]:
        values = fields.values(head.lines[1:], self.name)
        if not values:
            return values
        if not self._scheme:
            return values
        found = [value for value in values if value.partition(b" ")[0].lower() == self._scheme]
        if found and len(values) > 1:
            return values  # an app may look at the other one
        return [value[len(self._scheme) :].lstrip(b" ") for value in found]

    def remove(self, head: RequestHead) -> None:
        head.lines[1:] = fields.without(head.lines[1:], {self.name})


class CookiePlace(Place):
    __slots__ = ()

    def find(self, head: RequestHead) -> list[bytes]:
        found = []
        for line in fields.values(head.lines[1:], b"cookie"):
            for crumb in line.split(b";"):
                name, equals, value = crumb.partition(b"=")
                if equals and name.strip(b" \t") == self.name:
                    found.append(value.strip(b' \t"'))
        return found

    def remove(self, head: RequestHead) -> None:
        kept = [
            crumb.strip(b" \t")
            for line in fields.values(head.lines[1:], b"cookie")
            for crumb in line.split(b";")
            if crumb.partition(b"=")[0].strip(b" \t") != self.name
        ]
        head.lines[1:] = fields.without(head.lines[1:], {b"cookie"})
        if kept:
            head.lines.append(b"cookie: " + b"; ".join(kept))


class QueryPlace(Place):
    __slots__ = ()

    def find(self, head: RequestHead) -> list[bytes]:
        found = []
        for pair in _target(head).partition(b"?")[2].split(b"&"):
            name, _, value = pair.partition(b"=")
            if _decoded(name) == self.name:
                found.append(_decoded(value))
        return found

    def remove(self, head: RequestHead) -> None:
        method, target, version = head.lines[0].split(b" ", 2)
        path, _, query = target.partition(b"?")
        kept = b"&".join(pair for pair in query.split(b"&") if _decoded(pair.partition(b"=")[0]) != self.name)
        head.lines[0] = b"%b %b %b" % (method, path + b"?" + kept if kept else path, version)


def places_of(providers: Sequence[TokenProvider]) -> list[Place]:
    """Each place once, with all whose tokens may be there."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for provider in providers:
        for header in provider.headers:
            found.setdefault(("header", header.name, header.scheme.lower()), []).append(provider.name)
        for name in provider.cookies:
            found.setdefault(("cookie", name, ""), []).append(provider.name)
        for name in provider.query:
            found.setdefault(("query", name, ""), []).append(provider.name)
    return [_place(number, *where, names) for number, (where, names) in enumerate(found.items())]


def _place(number: int, kind: str, name: str, scheme: str, providers: Sequence[str]) -> Place:
    if kind == "header":
        return HeaderPlace(number, name.encode(), providers, scheme.encode())
    return (CookiePlace if kind == "cookie" else QueryPlace)(number, name.encode(), providers)


def _target(head: RequestHead) -> bytes:
    return head.lines[0].split(b" ", 2)[1]


def _decoded(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))
