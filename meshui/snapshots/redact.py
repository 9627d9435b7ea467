"""Taking what may be secret out of configuration. Pure.

Configuration holds what its owners wrote, and that may be a header with a password or an address with a token in it.
Rather a value too many is hidden than one too few.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

GONE = "(left out)"
_SECRET = re.compile(r"secret|passw|token|credential|private|auth|cookie|api[-_]?key|signature|sealed|target", re.I)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"']+", re.I)
_NAMES, _VALUES = ("name", "header", "key"), ("value", "values", "exact", "prefix", "regex", "content")


def redacted(value: Any) -> Any:
    """A JSON value without what is secret by its name, and with addresses cut to their host."""
    if isinstance(value, dict):
        return {name: _field(name, each, value) for name, each in value.items()}
    if isinstance(value, list):
        return [redacted(each) for each in value]
    return _URL.sub(_host, value) if isinstance(value, str) else value


def _field(name: str, value: Any, owner: dict[str, Any]) -> Any:
    named = [owner[each] for each in _NAMES if isinstance(owner.get(each), str)]
    if _SECRET.search(name) or (name in _VALUES and any(_SECRET.search(each) for each in named)):
        return _emptied(value)
    return redacted(value)


def _emptied(value: Any) -> Any:
    """The same shape, so that what reads it still can."""
    if isinstance(value, dict):
        return {name: _emptied(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_emptied(each) for each in value]
    return GONE if isinstance(value, str) and value else value


def _host(found: re.Match[str]) -> str:
    parts = urlsplit(found.group())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
