"""Trace context (W3C Trace Context level 1) and request ids: judging what came, making what is missing.

A proxy that records no span of its own forwards a valid ``traceparent`` unchanged, so that the caller's span stays
the parent of the callee's; the sampled flag is part of it.
"""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?").fullmatch
_REQUEST_ID = re.compile(rb"[!-~]{1,200}").fullmatch


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
    return b"00-%032x-%016x-00" % ((bits >> 64) or 1, (bits & 0xFFFFFFFFFFFFFFFF) or 1)


def new_request_id(bits: int) -> bytes:
    """A version 4 UUID from 128 random bits."""
    text = b"%032x" % (bits & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62))
    return b"%b-%b-%b-%b-%b" % (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
