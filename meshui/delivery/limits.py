"""The server's function by which proxies count against shared rate limits: put there once, and again when it is gone
or another release's."""

from __future__ import annotations

from pathlib import Path

from meshui.delivery.redis import command

LIBRARY = "meshui"
SOURCE = Path(__file__).with_name("limits.lua").read_text()


def ensure_function() -> bool:
    """Whether it had to be put there. Raises redis.RedisError."""
    found = command("FUNCTION LIST", "LIBRARYNAME", LIBRARY, "WITHCODE")
    if any(SOURCE.encode() in _flat(library) for library in found):
        return False
    command("FUNCTION LOAD", "REPLACE", SOURCE)
    return True


def _flat(library: object) -> list[object]:
    """A library's fields, whichever version of the protocol brought them."""
    return [*library.values()] if isinstance(library, dict) else list(library)  # type: ignore[call-overload]
