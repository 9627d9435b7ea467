"""What is wrong: with a message, as an HTTP status; with a rule, as the field at fault."""

from __future__ import annotations

from typing import NamedTuple


class Flaw(NamedTuple):
    """What is wrong with a rule that somebody wrote: the dotted path of the field within it, a stable code, a
    sentence."""

    path: str
    code: str
    reason: str


class BadMessage(Exception):
    """A request or response that breaks a rule of HTTP/1.1. ``status`` is what its sender is told (for a response:
    what the waiting client is told is always 502). ``reason`` is for logs and tests, never for the peer."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
