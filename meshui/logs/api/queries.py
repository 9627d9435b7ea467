"""Query strings of the log endpoints, and of the live topic that takes the same filters."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from msgspec import Meta, field

from meshui.core.api.bodies import Body
from meshui.core.api.pages import DEFAULT_SIZE, Cursor, ListQuery, PageSize
from meshui.core.errors import InvalidInput
from meshui.logs.selectors import Asked
from meshui.telemetry.api.queries import Name, Time, unix

DEFAULT_S = 3600
MAX_TIME = 1e11
Code = Annotated[
    str, Meta(pattern=r"^(0|[1-5][0-9]{2}|[1-5]xx)?$", description="`503`, a class such as `5xx`, `0` for none.")
]
Flag = Annotated[str, Meta(pattern=r"^[A-Z]{0,8}$", description="A response flag such as `UH`.")]


class LogsFilter(Body, frozen=True, kw_only=True):
    """``service`` is either side; ``path`` is how it begins; ``rule`` may end early, as in `policy:readers` or
    `limit:`."""

    service: Name = ""
    source: Name = ""
    destination: Name = ""
    reporter: Literal["", "source", "destination"] = ""
    method: Annotated[str, Meta(max_length=32)] = ""
    path: Annotated[str, Meta(max_length=1024)] = ""
    route: Name = ""
    code: Code = ""
    flag: Flag = ""
    rule: Name = ""
    error: bool | None = None
    min_ms: Annotated[float, Meta(ge=0, le=7 * 86_400_000)] | None = None
    trace_id: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?$")] = ""
    request_id: Annotated[str, Meta(max_length=128)] = ""

    def wanted(self, since: float = 0.0, until: float | None = None) -> Asked:
        """All of it within a time, Unix seconds."""
        return Asked(
            since=since,
            until=until,
            service=self.service,
            source=self.source,
            destination=self.destination,
            reporter=self.reporter,
            method=self.method,
            path=self.path,
            route=self.route,
            code=self.code,
            flag=self.flag,
            rule=self.rule,
            error=self.error,
            min_us=None if self.min_ms is None else round(self.min_ms * 1000),
            trace_id=self.trace_id,
            request_id=self.request_id,
        )


class LogsQuery(LogsFilter, frozen=True, kw_only=True):
    """A page of a search: of the last hour where nothing says otherwise, of all that is kept where one trace or request
    is asked for."""

    from_: Time = field(default="", name="from")
    to: Time = ""
    page_size: PageSize = DEFAULT_SIZE
    cursor: Cursor = ""

    @property
    def page(self) -> ListQuery:
        return ListQuery(page_size=self.page_size, cursor=self.cursor)

    def asked(self) -> Asked:
        """Raises InvalidInput."""
        until = _time("to", self.to) if self.to else None
        since = 0.0
        if self.from_:
            since = _time("from", self.from_)
        elif not (self.trace_id or self.request_id):
            since = max(0.0, (time.time() if until is None else until) - DEFAULT_S)
        if until is not None and since > until:
            raise InvalidInput.field("from", "invalid", "expected a time before `to`")
        return self.wanted(since, until)


def _time(path: str, text: str) -> float:
    at = unix(path, text)
    if not 0 <= at <= MAX_TIME:
        raise InvalidInput.field(path, "out_of_range", "the time is out of range")
    return at
