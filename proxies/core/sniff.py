"""Whether a connection's first bytes are HTTP/1."""

from __future__ import annotations

import re

MAX_LINE = 64 * 1024
_START = re.compile(rb"([A-Z][A-Z-]{0,31}( [!-~]*( (H(T(T(P(/(1(\.([01]\r?)?)?)?)?)?)?)?)?)?)?)?")
_LINE = re.compile(rb"[A-Z][A-Z-]{0,31} [!-~]+ HTTP/1\.[01]")


def speaks_http(data: bytes) -> bool | None:
    """True for a whole request line, False for what cannot become one, None where more must be seen."""
    line, ended, _ = data.partition(b"\n")
    if ended:
        return _LINE.fullmatch(line.removesuffix(b"\r")) is not None
    if len(data) > MAX_LINE or _START.fullmatch(line) is None:
        return False
    return None
