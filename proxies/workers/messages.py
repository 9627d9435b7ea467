"""What a parent tells its workers, and what they answer, over a pair of sockets: each message behind its length."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from proxies.core.decisions import TokenOutcome
from proxies.wire.logs import LogRecord
from proxies.wire.reports import EdgeDelta, Gauges, LimitUse, PolicyUse, RequestSample, SpanReport
from proxies.wire.taps import TapRecord, TapUse

LENGTH = 4
"""Bytes of a message's length, big-endian."""


class Apply(Struct, frozen=True, tag="apply"):
    """Put a resource (encoded) into force."""

    resource: bytes


class Remove(Struct, frozen=True, tag="remove"):
    key: str


class Identify(Struct, frozen=True, tag="identify"):
    """Take this certificate chain, its key and the roots to trust (PEM)."""

    certificate_chain: str
    key: str
    bundle: list[str]


class Link(Struct, frozen=True, tag="link"):
    """Ask Redis about shared rate limits by this login."""

    url: str
    username: str
    password: str
    ca_file: str


class Tap(Struct, frozen=True, tag="tap"):
    """Obey an order (encoded) to copy requests."""

    order: bytes


class Tell(Struct, frozen=True, tag="tell"):
    """Say what was counted since it was last asked."""


class Drain(Struct, frozen=True, tag="drain"):
    """Accept no more, and finish what runs; ``Told.drained`` says when that is done."""


class End(Struct, frozen=True, tag="end"):
    """End now. There is no answer."""


Order = Apply | Remove | Identify | Link | Tap | Tell | Drain | End


class Ready(Struct, frozen=True, tag="ready"):
    """The first message of a worker."""


class Done(Struct, frozen=True, tag="done"):
    """``error`` is why an order was refused; empty where it was carried out."""

    error: str = ""


class Told(Struct, frozen=True, tag="told"):
    """The answer to Tell; every other order gets Done. ``microseconds`` are the sums of the durations of ``edges``, one
    each; ``overflows`` are (service, limit, count) and ``handshakes`` (side, outcome, count) since the start,
    ``dropped_lines`` those of the access log since then; ``missing`` is what the worker is not ready for, ``drained``
    whether it has finished what it was to finish."""

    edges: list[EdgeDelta]
    microseconds: list[int]
    limits: list[LimitUse]
    policies: list[PolicyUse]
    tokens: list[TokenOutcome]
    samples: list[RequestSample]
    spans: list[SpanReport]
    dropped_spans: int
    gauges: Gauges
    overflows: list[tuple[str, str, int]]
    handshakes: list[tuple[str, str, int]]
    addresses: list[tuple[str, str, int]]
    missing: str = ""
    drained: bool = False
    logs: list[LogRecord] = field(default_factory=list)
    dropped_logs: int = 0
    taps: list[TapRecord] = field(default_factory=list)
    tap_uses: list[TapUse] = field(default_factory=list)
    dropped_lines: int = 0


Answer = Ready | Done | Told

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def pack(message: Order | Answer) -> bytes:
    data = _encoder.encode(message)
    return len(data).to_bytes(LENGTH, "big") + data


def read_order(data: bytes) -> Order:
    return _orders.decode(data)


def read_answer(data: bytes) -> Answer:
    return _answers.decode(data)


class Framer(Struct):
    """Cuts a stream of bytes into messages."""

    buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now."""
        self.buffer += data
        whole: list[bytes] = []
        while len(self.buffer) >= LENGTH:
            end = LENGTH + int.from_bytes(self.buffer[:LENGTH], "big")
            if len(self.buffer) < end:
                break
            whole.append(bytes(self.buffer[LENGTH:end]))
            del self.buffer[:end]
        return whole
