"""The access log for people: found, and shown.

Whoever may not view a namespace is told nothing of its requests, nor of calls into it; and of a call out of it, not
whose it was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db.models import Q, QuerySet
from msgspec import Struct

from meshui.core.api.bodies import View
from meshui.logs.models import Line
from meshui.logs.values import NewLine, line_id

Visible = frozenset[str] | None
"""Namespaces; None means all."""


class Asked(Struct, frozen=True, kw_only=True):
    """What a line has to be; empty asks for nothing. Times are Unix seconds. ``code`` is one, or a class (``5xx``);
    ``path`` is how it begins."""

    since: float = 0.0
    until: float | None = None
    service: str = ""
    source: str = ""
    destination: str = ""
    reporter: str = ""
    method: str = ""
    path: str = ""
    route: str = ""
    code: str = ""
    flag: str = ""
    rule: str = ""
    error: bool | None = None
    min_us: int | None = None
    trace_id: str = ""
    request_id: str = ""


class LogView(View, frozen=True, kw_only=True):
    """A request, or a connection of a TCP service, as one proxy saw it. The ``reporter`` is the proxy of its source (or
    a gateway) or of its destination; a request within the mesh has a line of each. ``first_byte_ms`` is null where
    upstream never answered, ``code`` where nobody did. ``source`` is empty where you may not view its namespace.
    """

    id: str
    at: datetime
    duration_ms: float
    first_byte_ms: float | None
    kind: Literal["server", "client"]
    reporter: Literal["source", "destination"]
    proxy: str
    protocol: str
    secured: bool
    source: str
    source_version: str
    destination: str
    destination_version: str
    route: str
    method: str
    host: str
    path: str
    code: int | None
    flags: list[str]
    error: bool
    rule: str
    request_bytes: int
    response_bytes: int
    endpoint: str
    tries: int
    trace_id: str
    request_id: str
    peer: str
    identity: str
    user_agent: str


def found(asked: Asked, visible: Visible) -> QuerySet[Line]:
    """Lines that are all of what is asked."""
    if not all(_may_name(name, visible) for name in (asked.service, asked.source, asked.destination)):
        return Line.objects.none()
    return Line.objects.filter(_seen(visible), _is(asked))


def log_view(line: Line | NewLine, visible: Visible) -> LogView:
    """A line that may be shown, with what of it may be."""
    shown = not line.inbound or _may_name(line.source, visible)
    return LogView(
        id=str(line.id),
        at=line.at,
        duration_ms=line.duration_us / 1000,
        first_byte_ms=None if line.first_byte_us is None else line.first_byte_us / 1000,
        kind="server" if line.server else "client",
        reporter="destination" if line.inbound else "source",
        proxy=line.proxy,
        protocol=line.protocol,
        secured=line.secured,
        source=line.source if shown else "",
        source_version=line.source_version if shown else "",
        destination=line.destination,
        destination_version=line.destination_version,
        route=line.route,
        method=line.method,
        host=line.host,
        path=line.path,
        code=line.code or None,
        flags=line.flags.split(",") if line.flags else [],
        error=line.error,
        rule=line.rule,
        request_bytes=line.request_bytes,
        response_bytes=line.response_bytes,
        endpoint=line.endpoint,
        tries=line.tries,
        trace_id=line.trace_id,
        request_id=line.request_id,
        peer=line.peer if shown else "",
        identity=line.identity if shown else "",
        user_agent=line.user_agent,
    )


def _may_name(service: str, visible: Visible) -> bool:
    namespace, inside, _ = service.partition("/")
    return visible is None or not inside or namespace in visible


def _seen(visible: Visible) -> Q:
    return Q() if visible is None else Q(namespace__in=visible, called__in=["", *visible])


def _is(asked: Asked) -> Q:
    wanted = Q(pk__gte=line_id(int(asked.since * 1_000_000)))
    if asked.until is not None:
        wanted &= Q(pk__lt=line_id(int(asked.until * 1_000_000)))
    exact = ("source", "destination", "method", "route", "trace_id", "request_id")
    wanted &= Q(**{name: value for name in exact if (value := getattr(asked, name))})
    if asked.service:
        wanted &= Q(source=asked.service) | Q(destination=asked.service)
    if asked.reporter:
        wanted &= Q(inbound=asked.reporter == "destination")
    if asked.path:
        wanted &= Q(path__startswith=asked.path)
    if asked.rule:
        wanted &= Q(rule=asked.rule) | Q(rule__startswith=asked.rule if asked.rule[-1] in "/:" else f"{asked.rule}/")
    if asked.flag:
        wanted &= Q(flags__regex=rf"(^|,){asked.flag}(,|$)")
    if asked.error is not None:
        wanted &= Q(error=asked.error)
    if asked.min_us is not None:
        wanted &= Q(duration_us__gte=asked.min_us)
    return wanted & _coded(asked.code)


def _coded(code: str) -> Q:
    if not code:
        return Q()
    if code.endswith("xx"):
        return Q(code__gte=int(code[0]) * 100, code__lt=int(code[0]) * 100 + 100)
    return Q(code=int(code))
