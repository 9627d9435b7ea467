"""What a proxy tells the control plane: acknowledgements and telemetry, and how an entry is signed.

An entry on a stream has two fields, ``d`` (the encoded message) and ``s`` (its signature under the key that the
proxy received when it joined), because streams are shared and the collector believes no proxy about another.
"""

from __future__ import annotations

import hmac
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, field

from proxies.wire.logs import LogRecord
from proxies.wire.taps import TapRecord, TapUse

MAX_ENTRY_BYTES = 1 << 20
"""A larger entry is refused unread."""
MAX_SPANS = 500
"""In one report: few enough that the entry stays below MAX_ENTRY_BYTES."""
ACKS_AT_ONCE = 200
"""Few enough that an entry stays below MAX_ENTRY_BYTES with the longest names and errors."""


class Ack(Struct, frozen=True, array_like=True):
    """One resource taken (``ack``) or refused (``nack`` with the reason, the old one still serving).

    ``resource`` is ``kind:name``; ``applied_at`` is Unix seconds by the proxy's clock.
    """

    resource: str
    epoch: int
    revision: int
    version: str
    status: Literal["ack", "nack"]
    applied_at: float = 0.0
    error: str = ""


class Acks(Struct, frozen=True, array_like=True):
    """What one proxy has to say at one time, of each resource once; at most ACKS_AT_ONCE."""

    proxy: str
    acks: list[Ack]


class Responses(Struct, frozen=True, array_like=True):
    """``count`` responses with ``code`` (0: none was sent) and ``flags`` (Envoy's short names, comma separated)."""

    code: int
    flags: str
    count: int


class Closed(Struct, frozen=True, array_like=True):
    """``count`` connections that ended with ``flags``."""

    flags: str
    count: int


class EdgeDelta(Struct, frozen=True, array_like=True):
    """One edge in one second, as one side saw it. Sum of ``responses`` counts = requests.

    ``reporter`` is ``source`` (outbound, gateway) or ``destination`` (inbound). Service names are
    ``namespace/name``, or ``unknown``. ``histogram`` is sparse: bucket, count, bucket, count ... (see histogram.py),
    of the time from the request's first byte to the response's last, in microseconds. ``retries`` counts the
    tries after a first one.

    With ``protocol`` tcp what is counted is connections: each once, as a response with code 200 when it is known to be
    established, or with code 0 when it led nowhere. Bytes count as they pass. ``closed`` are those that ended since,
    and ``histogram`` is of their durations (a longer one counts as MAX_US).
    """

    reporter: Literal["source", "destination"]
    source_service: str
    source_version: str
    destination_service: str
    destination_version: str
    route: str
    protocol: str
    secured: bool
    responses: list[Responses]
    request_bytes: int
    response_bytes: int
    histogram: list[int]
    retries: int = 0
    closed: list[Closed] = field(default_factory=list)


class ServiceState(Struct, frozen=True, array_like=True):
    """What a proxy has under way with a service that it calls, and how it sees its endpoints.

    ``open`` names the breaker's limits that are reached (connections, pending, requests, retries); ``ejected`` and
    ``unhealthy`` are the ids of endpoints left out for their answers, and for failed checks.
    """

    service: str
    connections: int = 0
    pending: int = 0
    requests: int = 0
    retries: int = 0
    open: list[str] = field(default_factory=list)
    ejected: list[str] = field(default_factory=list)
    unhealthy: list[str] = field(default_factory=list)


class Gauges(Struct, frozen=True, array_like=True):
    """The state of a proxy at the end of the second. ``services`` holds those that it has something open with, or
    that have an endpoint left out."""

    connections: int = 0
    active_requests: int = 0
    rss_bytes: int = 0
    cpu_seconds: float = 0.0
    services: list[ServiceState] = field(default_factory=list)


class LimitUse(Struct, frozen=True, array_like=True):
    """How many requests one limit let pass and turned away. ``service`` is whose limit it is; ``route`` is empty for
    a limit on what it receives."""

    service: str
    route: str
    limit: str
    allowed: int
    limited: int


class PolicyUse(Struct, frozen=True, array_like=True):
    """How many requests (or connections) one rule of an access policy decided on. ``service`` is whose policy it is.

    ``rule`` is its index; -1 where the policy decided by none of its rules matching. ``policy`` is empty where no
    single one decided: the mesh's default did, or several allow policies did not match. ``shadow_denied`` and
    ``shadow_allowed`` are what a policy in shadow mode would have turned round; ``rule`` is then -1. ``failed`` are
    external checks without an answer; they count among the others as what was done without one.
    """

    service: str
    policy: str
    rule: int
    allowed: int = 0
    denied: int = 0
    shadow_denied: int = 0
    shadow_allowed: int = 0
    failed: int = 0


class RequestSample(Struct, frozen=True, array_like=True):
    """One of the requests that the proxy routed in this second, and how many (``weight``) it stands for.

    ``route`` is empty where none matched. ``path`` is normalised and without query. Of query parameters, headers (lower
    case) and cookies all names are told, but only the values that a route of the service compares; else None.
    """

    destination: str
    route: str
    weight: int
    method: str
    host: str
    path: str
    query: list[tuple[str, str | None]]
    headers: list[tuple[str, str | None]]
    cookies: list[tuple[str, str | None]]


class TryReport(Struct, frozen=True, array_like=True):
    """One of several tries of a request: when it began (Unix microseconds), how long it took, whom it asked, and what
    came of it: a status or such as ``connect-failure``."""

    span_id: str
    start_us: int
    duration_us: int
    endpoint: str
    outcome: str


class SpanReport(Struct, frozen=True, array_like=True):
    """One request as this proxy saw it, for its trace.

    Ids are hexadecimal digits, ``parent_id`` is empty for the first of a trace. ``kind`` is ``server`` where the proxy
    stands in for who was asked (inbound, gateway), else ``client``. ``source`` and ``destination`` are of its edge.
    ``code`` is 0 where no response was sent. ``path`` is without query. ``tries`` are given where there were several.
    ``rule`` is what decided, as in ``LogRecord``.
    """

    trace_id: str
    span_id: str
    parent_id: str
    start_us: int
    duration_us: int
    kind: Literal["server", "client"]
    reporter: Literal["source", "destination"]
    source: str
    destination: str
    destination_version: str
    route: str
    secured: bool
    method: str
    host: str
    path: str
    code: int
    flags: str
    request_bytes: int
    response_bytes: int
    endpoint: str = ""
    tries: list[TryReport] = field(default_factory=list)
    rule: str = ""


class Telemetry(Struct, frozen=True, array_like=True):
    """One proxy's second. ``boot`` identifies the process, ``seq`` counts its reports, ``at`` is Unix seconds at the
    end of the second; ``dropped`` counts the seconds lost to back-pressure since the last report that arrived;
    ``dropped_spans`` and ``dropped_logs`` those of this second that there was no room for."""

    proxy: str
    boot: int
    seq: int
    at: float
    edges: list[EdgeDelta]
    gauges: Gauges = field(default_factory=Gauges)
    dropped: int = 0
    certificate_not_after: float = 0.0
    proxy_version: str = ""
    limits: list[LimitUse] = field(default_factory=list)
    samples: list[RequestSample] = field(default_factory=list)
    policies: list[PolicyUse] = field(default_factory=list)
    spans: list[SpanReport] = field(default_factory=list)
    dropped_spans: int = 0
    logs: list[LogRecord] = field(default_factory=list)
    dropped_logs: int = 0
    taps: list[TapRecord] = field(default_factory=list)
    tap_uses: list[TapUse] = field(default_factory=list)


_encoder = msgspec.msgpack.Encoder()
_acks = msgspec.msgpack.Decoder(Acks)
_telemetry = msgspec.msgpack.Decoder(Telemetry)


class ReportError(ValueError):
    """An entry that is malformed, too large or not signed by the proxy it speaks for."""


def sign(key: bytes, data: bytes) -> bytes:
    """16 bytes of HMAC-SHA256, enough against forgery within an entry's life."""
    return hmac.digest(key, data, "sha256")[:16]


def proxy_key(master: bytes, proxy_id: str) -> bytes:
    """The signing key of one proxy, derived so that the collector need not look it up."""
    return hmac.digest(master, b"meshui report key\x00" + proxy_id.encode(), "sha256")


def entry(key: bytes, message: Acks | Telemetry) -> dict[bytes, bytes]:
    """The fields to XADD."""
    data = _encoder.encode(message)
    return {b"d": data, b"s": sign(key, data)}


def read_acks(master: bytes, fields: dict[bytes, bytes]) -> Acks:
    return _verified(master, fields, _acks)


def read_telemetry(master: bytes, fields: dict[bytes, bytes]) -> Telemetry:
    return _verified(master, fields, _telemetry)


M = TypeVar("M", Acks, Telemetry)


def _verified(master: bytes, fields: dict[bytes, bytes], decoder: msgspec.msgpack.Decoder[M]) -> M:
    data = fields.get(b"d", b"")
    if not data or len(data) > MAX_ENTRY_BYTES:
        raise ReportError("entry is empty or too large")
    try:
        message = decoder.decode(data)
    except msgspec.DecodeError as error:
        raise ReportError(str(error)) from error
    if not hmac.compare_digest(sign(proxy_key(master, message.proxy), data), fields.get(b"s", b"")):
        raise ReportError(f"entry is not signed by proxy {message.proxy!r}")
    return message
