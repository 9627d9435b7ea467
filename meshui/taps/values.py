"""What a tap asks for, as people write it and as proxies are told."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meshui.core.api.bodies import Body, Reason
from meshui.logs.api.queries import Code, Flag
from proxies.wire.taps import MAX_RATE

MAX_SECONDS = 3600

Side = Literal["source", "destination"]
Party = Annotated[str, Meta(max_length=127, description="`namespace/name`, or `unknown` for outside the mesh.")]
Method = Annotated[str, Meta(pattern=r"^([A-Z][A-Z-]{0,31})?$")]
Path = Annotated[str, Meta(pattern=r"^([/*][!-~]*)?$", max_length=1024, description="`*` stands for anything.")]
Header = Annotated[
    str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9a-z-]{0,100}$", description="A request header's name, in lower case.")
]
Value = Annotated[str, Meta(max_length=256, description="What the header is; empty: whatever it is.")]
Rate = Annotated[int, Meta(ge=1, le=MAX_RATE, description="Requests a second, of each proxy.")]
Share = Annotated[float, Meta(gt=0, le=100, description="Of the requests that meet the filters.")]
Redacted = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=100)]],
    Meta(max_length=50, description="More headers and query parameters whose values are not to be shown."),
]


class Filters(Struct, frozen=True, kw_only=True):
    """An empty one lets everything pass; a request has to meet all."""

    method: Method = ""
    path: Path = ""
    code: Code = ""
    flag: Flag = ""
    header: Header = ""
    value: Value = ""
    rate: Rate = 10
    percent: Share = 100.0
    redact: Redacted = []


class TapBody(Body, frozen=True, kw_only=True):
    """Requests from ``source`` to ``destination``; one of them at least. ``side`` is whose proxies copy: the source's
    where there is one in the mesh, unless it is said."""

    source: Party = ""
    destination: Party = ""
    side: Literal["", "source", "destination"] = ""
    method: Method = ""
    path: Path = ""
    code: Code = ""
    flag: Flag = ""
    header: Header = ""
    value: Value = ""
    rate: Rate = 10
    percent: Share = 100.0
    redact: Redacted = []
    seconds: Annotated[int, Meta(ge=1, le=MAX_SECONDS)] = 600
    reason: Reason = ""

    @property
    def filters(self) -> Filters:
        return Filters(**{name: getattr(self, name) for name in Filters.__struct_fields__})
