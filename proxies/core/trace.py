"""Trace context (W3C Trace Context level 1) and request ids: judging what came, making what is missing.

A proxy that records no span of its own forwards a valid ``traceparent`` unchanged, so that the caller's span stays
the parent of the callee's; the sampled flag is part of it. Where only B3 came (https://github.com/openzipkin/b3-propagation)
it is translated, and goes on too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_TRACEPARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?").fullmatch
_REQUEST_ID: Final = re.compile(rb"[!-~]{1,200}").fullmatch
_NO_TRACE: Final = b"0" * 32
_NO_SPAN: Final = b"0" * 16
_POOL: Final = 2000
_B3: Final = re.compile(rb"([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?").fullmatch
_NAME: Final = b"traceparent:"


class Mark:
    """The ids of a request's span, as text of hexadecimal digits. ``sampled`` says whether it is kept; ``parent_id`` is
    empty for the first of a trace."""

    __slots__ = ("parent_id", "sampled", "span_id", "trace_id")

    def __init__(self, trace_id: str, span_id: str, parent_id: str, sampled: bool) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.sampled = sampled


UNSAMPLED: Final = Mark("", "", "", False)
"""That of all requests whose spans are not kept."""


def is_traceparent(value: bytes) -> bool:
    """Whether a trimmed field value is a valid traceparent."""
    match = _TRACEPARENT(value)
    if match is None:
        return False
    version, trace_id, span_id, more = match.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return False
    return bool(trace_id != _NO_TRACE and span_id != _NO_SPAN)


def parent_of(lines: list[bytes]) -> tuple[int, str, str, bool] | None:
    """Which line is the traceparent of a head that is traced, and its trace, its span and whether that is sampled."""
    for index, line in enumerate(lines):
        if line[:12].lower() == _NAME:
            value = line[12:].strip(b" \t").decode()
            return index, value[3:35], value[36:52], bool(int(value[53:55], 16) & 1)
    return None


def trace_of(lines: list[bytes]) -> str:
    """The id of the trace that a head belongs to; empty for none. A head's ids stand at its end."""
    for line in reversed(lines):
        if line[:12].lower() == _NAME:
            return line[12:].strip(b" \t")[3:35].decode()
    return ""


def traceparent_line(mark: Mark) -> bytes:
    return f"traceparent: 00-{mark.trace_id}-{mark.span_id}-{'01' if mark.sampled else '00'}".encode()


def from_b3(lines: list[bytes]) -> bytes | None:
    """The traceparent line that says what B3 fields say: the single one, or several. None where they say nothing."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"b3" or name[:5] == b"x-b3-":
            found[name] = value.strip(b" \t").lower()
    value = found.get(b"b3", b"")
    if b"b3" not in found:
        decided = found.get(b"x-b3-sampled", b"0")
        sampled = b"1" if found.get(b"x-b3-flags") == b"1" or decided in (b"1", b"true") else b"0"
        value = b"%b-%b-%b" % (found.get(b"x-b3-traceid", b""), found.get(b"x-b3-spanid", b""), sampled)
    match = _B3(value)
    if match is None:
        return None
    trace_id, span_id, decision = match.groups()
    line = b"00-%b-%b-%b" % (trace_id.rjust(32, b"0"), span_id, b"01" if decision in (b"1", b"d") else b"00")
    return b"traceparent: " + line if is_traceparent(line) else None


def is_request_id(value: bytes) -> bool:
    return _REQUEST_ID(value) is not None


class Ids:
    """New ids, cut from random digits of which many are made at a time."""

    __slots__ = ("_digits", "_randbytes", "_used")

    def __init__(self, randbytes: Callable[[int], bytes]) -> None:
        """``randbytes`` gives so many random bytes."""
        self._randbytes = randbytes
        self._digits = b""
        self._used = 0

    def traceparent(self) -> bytes:
        """A new, unsampled trace."""
        digits = self._take(48)
        trace_id, span_id = digits[:32], digits[32:]
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:  # once in 2**64
            return self.traceparent()
        return b"00-%b-%b-00" % (trace_id, span_id)

    def mark(self, trace_id: str = "", parent_id: str = "") -> Mark:
        """A new span that is kept: of this trace, or the first one of a new trace."""
        _, new_trace, span_id, _ = self.traceparent().decode().split("-")
        return Mark(trace_id or new_trace, span_id, parent_id, True)

    def request_id(self) -> bytes:
        """A version 4 UUID."""
        digits = self._take(30)
        return b"%b-%b-4%b-8%b-%b" % (digits[:8], digits[8:12], digits[12:15], digits[15:18], digits[18:])

    def _take(self, count: int) -> bytes:
        end = self._used + count
        if end > len(self._digits):
            self._digits = self._randbytes(_POOL).hex().encode()
            end = count
        self._used = end
        return self._digits[end - count : end]
