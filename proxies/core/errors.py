"""The errors that end a message: what is wrong with it, as an HTTP status."""

from __future__ import annotations


class BadMessage(Exception):
    """A request or response that breaks a rule of HTTP/1.1. ``status`` is what its sender is told (for a response:
    what the waiting client is told is always 502). ``reason`` is for logs and tests, never for the peer."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
