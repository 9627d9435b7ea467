"""Patterns of users, in RE2: linear in the text whatever the pattern is. Python's own engine backtracks, and one
unlucky pattern would hold up every request.

The engine is loaded with the first pattern; a proxy without patterns does not carry it.
"""

from __future__ import annotations

from collections.abc import Callable

from proxies.core.errors import BadMessage

MAX_MEMORY = 1 << 20
"""Bytes that one compiled pattern may take, its caches included."""


class Pattern:
    """A compiled pattern over bytes. ``matches`` says whether it matches all of a text, ``replace`` replaces each
    match within it."""

    __slots__ = ("groups", "matches", "replace")

    groups: int
    matches: Callable[[bytes], object]
    replace: Callable[[bytes, bytes], bytes]

    def __init__(self, pattern: str) -> None:
        """Raises BadMessage for what is no pattern, and for one that needs too much memory."""
        import re2

        options = re2.Options()
        options.log_errors = False
        options.max_mem = MAX_MEMORY
        options.encoding = re2.Options.Encoding.LATIN1  # paths and headers are bytes, not always text
        try:
            compiled = re2.compile(pattern.encode(), options)
        except re2.error as error:
            reason = error.args[0]
            raise BadMessage(reason.decode("latin-1") if isinstance(reason, bytes) else str(reason)) from None
        self.groups = compiled.groups
        self.matches = compiled.fullmatch
        self.replace = compiled.sub
