"""Trace context (W3C Trace Context level 1) and request ids: judging what came, making what is missing.

A proxy that records no span of its own forwards a valid ``traceparent`` unchanged, so that the caller's span stays
the parent of the callee's; the sampled flag is part of it.
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


def is_traceparent(value: bytes) -> bool:
    """Whether a trimmed field value is a valid traceparent."""
    match = _TRACEPARENT(value)
    if match is None:
        return False
    version, trace_id, span_id, more = match.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return False
    return bool(trace_id != _NO_TRACE and span_id != _NO_SPAN)


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
