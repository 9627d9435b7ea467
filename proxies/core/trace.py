"""Trace context (W3C Trace Context level 1) and request ids: judging what came, making what is missing.

A proxy that records no span of its own forwards a valid ``traceparent`` unchanged, so that the caller's span stays
the parent of the callee's; the sampled flag is part of it.
"""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?").fullmatch
_REQUEST_ID = re.compile(rb"[!-~]{1,200}").fullmatch
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_UUID_BITS = ~(0xF << 76 | 0x3 << 62)
_UUID_4 = 0x4 << 76 | 0x2 << 62


def is_traceparent(value: bytes) -> bool:
    """Whether a trimmed field value is a valid traceparent."""
    match = _TRACEPARENT(value)
    if match is None:
        return False
    version, trace_id, span_id, more = match.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return False
    return trace_id != b"0" * 32 and span_id != b"0" * 16


def is_request_id(value: bytes) -> bool:
    return _REQUEST_ID(value) is not None


def new_traceparent(bits: int) -> bytes:
    """A new, unsampled trace from 192 random bits (an all-zero id, one in 2**64, is made valid)."""
    text = bits.to_bytes(24, "big").hex()
    trace_id, span_id = text[:32], text[32:]
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return new_traceparent(bits | 1 << 64 | 1)
    return f"00-{trace_id}-{span_id}-00".encode()


def new_request_id(bits: int) -> bytes:
    """A version 4 UUID from 128 random bits."""
    text = (bits & _UUID_BITS | _UUID_4).to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()
