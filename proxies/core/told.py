"""What a proxy tells of a request, so that a change of routes can be tried on real traffic.

Values are told only where a route of the service compares them anyway; of every other query parameter, header and
cookie the name alone. A secret is never told, unless a team routes by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from proxies.core.head import RequestHead
from proxies.wire.routing import Route

MAX_PATH = 512
MAX_NAMES = 40
MAX_NAME = 128
MAX_VALUE = 256

Named = tuple[str, str | None]
"""A name, and its value where it is told."""


class Compared(NamedTuple):
    """The names whose values some route compares; headers in lower case."""

    headers: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    cookies: frozenset[str] = frozenset()


class Told(NamedTuple):
    """A request head: ``path`` is normalised and without query."""

    method: str
    host: str
    path: str
    query: list[Named]
    headers: list[Named]
    cookies: list[Named]


def compared_by(routes: Iterable[Route]) -> Compared:
    """What the routes compare."""
    matches = [route.match for route in routes]
    return Compared(
        frozenset(header.name for match in matches for header in match.headers),
        frozenset(query.name for match in matches for query in match.query),
        frozenset(cookie.name for match in matches for cookie in match.cookies),
    )


def tell(head: RequestHead, compared: Compared) -> Told | None:
    """The request as it came, before anything is rewritten; None for one that is too long to tell of."""
    if len(head.path) > MAX_PATH:
        return None
    query = head.lines[0].split(b" ", 2)[1].partition(b"?")[2]
    pairs = [pair.partition(b"=") for pair in query.split(b"&") if pair]
    fields = [line.partition(b":") for line in head.lines[1:]]
    jars = [value for name, _, value in fields if name.lower() == b"cookie"]
    crumbs = [crumb.partition(b"=") for jar in jars for crumb in jar.split(b";") if b"=" in crumb]
    return Told(
        head.method.decode("latin-1"),
        head.host.decode("latin-1"),
        head.path.decode("latin-1"),
        _named([(_decoded(name), _decoded(value)) for name, _, value in pairs], compared.query),
        _named([(_text(name).lower(), _text(value)) for name, _, value in fields], compared.headers),
        _named([(_text(name), _text(value).strip('"')) for name, _, value in crumbs], compared.cookies),
    )


def _named(pairs: list[tuple[str, str]], told: frozenset[str]) -> list[Named]:
    """The first of each name, few and short."""
    named: dict[str, str | None] = {}
    for name, value in pairs:
        if name not in named and len(name) <= MAX_NAME and len(named) < MAX_NAMES:
            named[name] = value if name in told and len(value) <= MAX_VALUE else None
    return list(named.items())


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8", "replace")


def _text(part: bytes) -> str:
    return part.strip(b" \t").decode("latin-1")
