"""Requests that proxies told of, brought back to what a proxy decides on: for drafts that are tried on them."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from urllib.parse import quote

from meshui.telemetry.samples import Sample
from proxies.core.head import RequestHead
from proxies.core.told import Named

HIDDEN = "hidden"
"""The source, where it is in a namespace that the reader may not view."""
_ID = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,})(?=/|$)")


def alike(path: str, mark: str = "*") -> str:
    """The path with its ids as ``mark``, so that requests that differ in these alone are one."""
    return _ID.sub(f"/{mark}", path)


def untold(named: Sequence[Named], compared: Set[str]) -> set[str]:
    """The names that are compared and whose values were not told."""
    return {name for name, value in named if value is None and name in compared} if compared else set()


def head_of(sample: Sample) -> RequestHead:
    """The request as matchers read it; a value that was not told is empty."""
    head = RequestHead()
    head.token = None
    head.method, head.host, head.path = (
        text.encode("latin-1", "replace") for text in (sample.method, sample.host, sample.path)
    )
    query = "&".join(f"{quote(name)}={quote(value or '')}" for name, value in sample.query)
    lines = [f"{sample.method} {sample.path}{'?' + query if query else ''} HTTP/1.1", f"host: {sample.host}"]
    lines += [f"{name}: {value or ''}" for name, value in sample.headers if name not in ("host", "cookie")]
    if sample.cookies:
        lines.append("cookie: " + "; ".join(f"{name}={value or ''}" for name, value in sample.cookies))
    head.lines = [line.encode("latin-1", "replace") for line in lines]
    return head
