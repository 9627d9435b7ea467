"""Taps: the order to copy requests' heads, what is copied, and how much was.

An order goes to all proxies of a service, over the channel ``keys.tap(service)``, and is not kept anywhere: who orders
repeats it every few seconds, so that a proxy that is new, or missed one, hears of it. It ends by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from proxies.wire.logs import LogRecord

MAX_TAPS = 16
"""At one time, in one proxy."""
MAX_RATE = 50
MAX_AHEAD_S = 300
"""How long an order holds at most: its ``until`` counts as no later than this after it arrived."""
MAX_HEADERS = 64
MAX_HEADER_VALUE = 256
MAX_TARGET = 1024
REDACTED = "[redacted]"

Text = Annotated[str, Meta(max_length=256)]


class TapOrder(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Copy ``share`` (0..1] of the requests that meet every filter, at most ``rate`` a second from each proxy, until
    ``until`` (Unix seconds). An order with the id of a former one replaces it; one whose time is over ends it.

    ``side`` is that of the edge: ``source`` where the service calls (gateways too), ``destination`` where it is called.
    An empty filter lets everything pass. ``source`` and ``destination`` are services (``namespace/name``, ``unknown``);
    in ``path``, which is normalised and has no query, ``*`` stands for anything; ``code`` is one (``503``; ``0``: none
    was sent) or a class (``5xx``); ``flag`` is one of the response's; ``header`` is a request's (lower case) that has
    the ``value``, whatever value where that is empty.

    ``redact`` names (lower case) further headers and query parameters whose values are nobody's business.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    until: float
    side: Literal["source", "destination"]
    rate: Annotated[int, Meta(ge=1, le=MAX_RATE)] = 10
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    source: Text = ""
    destination: Text = ""
    method: Annotated[str, Meta(pattern=r"^([A-Z][A-Z-]{0,31})?$")] = ""
    path: Annotated[str, Meta(pattern=r"^([/*][!-~]*)?$", max_length=1024)] = ""
    code: Annotated[str, Meta(pattern=r"^(0|[1-5][0-9]{2}|[1-5]xx)?$")] = ""
    flag: Annotated[str, Meta(pattern=r"^[A-Z]{0,8}$")] = ""
    header: Annotated[str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9a-z-]{0,100}$")] = ""
    value: Text = ""
    redact: Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=50)] = field(
        default_factory=list
    )


class TapRecord(Struct, frozen=True, array_like=True):
    """One request that the tap ``tap`` asked for. ``target`` is its path and query, ``request_headers`` are as they
    were sent on (as they came, where it was refused), ``response_headers`` as the client got them; names in lower case.

    Values that are secret are ``[redacted]``. A header's value is cut after MAX_HEADER_VALUE, the target after
    MAX_TARGET; ``cut`` says that something is missing.
    """

    tap: str
    request: LogRecord
    target: str
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]
    cut: bool = False


class TapUse(Struct, frozen=True, array_like=True):
    """One tap of a proxy in one second, also where nothing happened: how many requests it ``matched``, and how many of
    those were ``dropped`` for being above its rate or the report's room. ``error`` is why the proxy would not take the
    order."""

    tap: str
    matched: int = 0
    dropped: int = 0
    error: str = ""


_orders = msgspec.msgpack.Decoder(TapOrder)
_encoder = msgspec.msgpack.Encoder()


def encode_order(order: TapOrder) -> bytes:
    """What to publish."""
    return _encoder.encode(order)


def read_order(data: bytes) -> TapOrder:
    """Raises msgspec.DecodeError, also for filters that this reader does not know."""
    return _orders.decode(data)
