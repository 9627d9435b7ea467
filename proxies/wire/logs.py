"""The access log: what is written down, and what a line of it says."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from proxies.wire.base import Body

MAX_LOGS = 250
"""In one report: few enough that the entry stays below MAX_ENTRY_BYTES. What a proxy writes itself is not bound."""


class AccessLog(Body, frozen=True, kw_only=True):
    """Every request that failed is written down, and ``percent`` of all others: 0 is errors alone, 100 everything.

    A request failed where no response was sent, or one of 500 and above, or where the proxy answered itself (whatever
    has flags). Of one trace all proxies choose alike. With ``report`` the records also travel to the control plane.
    """

    percent: Annotated[float, Meta(ge=0, le=100)] = 0.0
    report: bool = False


class LogRecord(Struct, frozen=True, array_like=True):
    """One request, or one connection of a service whose protocol is tcp, when it was over.

    ``at_us`` is when it began (Unix microseconds); ``first_byte_us`` is how long after that the response's head came
    from upstream (-1: none did). ``kind`` is ``server`` where the proxy stands in for who was asked (inbound, gateway).
    ``reporter``, ``source``, ``destination``, ``route`` and ``secured`` are of its edge. ``path`` is normalised and
    without query. ``code`` is 0 where no response was sent; ``flags`` are Envoy's short names, comma separated.
    ``endpoint`` (``address:port``) was asked last, after ``tries`` (0: nobody was asked).

    ``peer`` is the address that the connection came from, ``identity`` the SPIFFE id that it proved, empty for none.

    ``rule`` is what decided, one of ``policy:NAME/INDEX`` (that rule of an access policy), ``policy:NAME`` (none of its
    rules matched), ``default:allow``, ``default:deny`` (no single policy decided), ``limit:NAME``, ``breaker:NAME``
    (connections, pending, requests), ``malformed:REASON``, ``jwt:PROVIDER`` or ``jwt`` (a token that was refused, or
    is absent), ``external:NAME`` (that policy's check); empty where nothing but the route did.

    Texts are cut: no record is longer than 4 KiB.
    """

    at_us: int
    duration_us: int
    kind: Literal["server", "client"]
    reporter: Literal["source", "destination"]
    source: str
    source_version: str
    destination: str
    destination_version: str
    route: str
    protocol: str
    secured: bool
    peer: str
    identity: str
    code: int
    flags: str
    rule: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    endpoint: str = ""
    tries: int = 0
    first_byte_us: int = -1
    method: str = ""
    host: str = ""
    path: str = ""
    trace_id: str = ""
    request_id: str = ""
    user_agent: str = ""
