"""Durations as people write them: ``30s``, ``1h30m``, or ISO 8601 (``PT5M``). Inside they are whole milliseconds."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,3})?"
SHORT = re.compile(rf"(?:{NUMBER}(?:ms|[wdhms]))+")
ISO = re.compile(rf"P(?=.)(?:{NUMBER}W)?(?:{NUMBER}D)?(?:T(?=.)(?:{NUMBER}H)?(?:{NUMBER}M)?(?:{NUMBER}S)?)?")
PART = re.compile(rf"({NUMBER})(ms|[a-z])")


def parse(text: str) -> int:
    """Milliseconds. Raises ValueError for what is no duration, or has months or years, which differ in length."""
    if not SHORT.fullmatch(text) and not ISO.fullmatch(text):
        raise ValueError(f"{text!r} is no duration: expected one such as 30s, 5m, 1h30m or PT5M")
    return int(sum(Decimal(number) * UNITS_MS[unit] for number, unit in PART.findall(text.lower())))


def spell(ms: int) -> str:
    """The shortest way to write it: ``5m``, ``1h30m``, ``1500ms``. ``parse`` reads it back."""
    if ms % 1_000:
        return f"{ms}ms"
    parts = []
    rest = ms
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
