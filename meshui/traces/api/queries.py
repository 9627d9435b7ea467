"""Query strings of the trace endpoints."""

from __future__ import annotations

import time
from typing import Annotated

from msgspec import Meta, field

from meshui.core.api.bodies import Body
from meshui.core.api.pages import DEFAULT_SIZE, Cursor, ListQuery, PageSize
from meshui.core.errors import InvalidInput
from meshui.telemetry.api.queries import Name, Time, unix
from meshui.traces.selectors import Asked

DEFAULT_S = 3600
MAX_TIME = 1e11
MAX_MS = 7 * 86_400_000
Milliseconds = Annotated[float, Meta(ge=0, le=MAX_MS)]


class _Range(Body, frozen=True, kw_only=True):
    """The last hour where no times are given."""

    service: Name = ""
    edge: Annotated[str, Meta(max_length=300, description="`source->target`: what the source asked of the target.")] = (
        ""
    )
    from_: Time = field(default="", name="from")
    to: Time = ""

    @property
    def span(self) -> tuple[float, float]:
        """Unix seconds."""
        until = _time("to", self.to) if self.to else time.time()
        since = _time("from", self.from_) if self.from_ else until - DEFAULT_S
        if since > until:
            raise InvalidInput.field("from", "invalid", "expected a time before `to`")
        return since, until

    @property
    def ends(self) -> tuple[str, str]:
        """The service whose spans are asked for, and the one on their other side; empty for any."""
        if not self.edge:
            return self.service, ""
        source, arrow, target = self.edge.partition("->")
        if not (arrow and source and target) or self.service:
            raise InvalidInput.field("edge", "invalid", "expected `source->target`, and no service beside it")
        return source, target


class TracesFilter(_Range, frozen=True, kw_only=True):
    """All of it is asked of one span."""

    route: Name = ""
    min_ms: Milliseconds | None = None
    max_ms: Milliseconds | None = None
    error: bool | None = None
    code: Annotated[int, Meta(ge=100, le=599)] | None = None
    flag: Annotated[str, Meta(pattern=r"^[A-Z]{0,8}$", description="A response flag such as `UH`.")] = ""
    tag: Annotated[str, Meta(max_length=300, description="`name:value` of an attribute; several with commas.")] = ""

    def asked(self) -> Asked:
        """Raises InvalidInput."""
        since, until = self.span
        service, peer = self.ends
        return Asked(
            since=since,
            until=until,
            service=service,
            peer=peer,
            route=self.route,
            min_us=_us(self.min_ms),
            max_us=_us(self.max_ms),
            error=self.error,
            code=self.code,
            flag=self.flag,
            tags=self._tags(),
        )

    def _tags(self) -> tuple[tuple[str, str], ...]:
        pairs = [pair.partition(":") for pair in self.tag.split(",") if pair]
        if any(not name or not colon for name, colon, _ in pairs):
            raise InvalidInput.field("tag", "invalid", "expected `name:value`, several with commas")
        return tuple((name, value) for name, _, value in pairs)


class TracesQuery(TracesFilter, frozen=True, kw_only=True):
    """A page of a search."""

    page_size: PageSize = DEFAULT_SIZE
    cursor: Cursor = ""

    @property
    def page(self) -> ListQuery:
        return ListQuery(page_size=self.page_size, cursor=self.cursor)


class ExemplarsQuery(_Range, frozen=True, kw_only=True):
    """``service`` or ``edge``, or neither for the whole mesh."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20

    def asked(self) -> Asked:
        """Raises InvalidInput."""
        since, until = self.span
        service, peer = self.ends
        return Asked(since=since, until=until, service=service, peer=peer)


def _time(path: str, text: str) -> float:
    at = unix(path, text)
    if not 0 <= at <= MAX_TIME:
        raise InvalidInput.field(path, "out_of_range", "the time is out of range")
    return at


def _us(ms: float | None) -> int | None:
    return None if ms is None else round(ms * 1000)
