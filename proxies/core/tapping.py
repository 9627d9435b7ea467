"""Which requests a tap wants: the filters of its order, compiled. Asked of requests that are over."""

from __future__ import annotations

from collections.abc import Callable

from proxies.core.head import RequestHead
from proxies.core.match import header_value
from proxies.wire.taps import TapOrder

Wanted = Callable[[RequestHead, str, str, int, str], bool]
"""Of a head, its source, its destination, the response's code (0: none) and flags."""


def compile_filters(order: TapOrder) -> Wanted:
    """Whether a request meets all filters; that of the side is the caller's."""
    method = order.method.encode()
    path = compile_glob(order.path.encode())
    code = _code(order.code)
    name, value = order.header.encode(), order.value.encode()

    def wanted(head: RequestHead, source: str, destination: str, status: int, flags: str) -> bool:
        return (
            (not method or head.method == method)
            and order.source in ("", source)
            and order.destination in ("", destination)
            and code(status)
            and (not order.flag or order.flag in flags.split(","))
            and path(head.path)
            and (not name or _has(head, name, value))
        )

    return wanted


def compile_glob(pattern: bytes) -> Callable[[bytes], bool]:
    """Whether a path is the pattern, in which ``*`` stands for anything. Each part is looked for
    once, from where the one before it ended: no pattern makes a path take long."""
    if not pattern:
        return lambda path: True
    first, *parts = pattern.split(b"*")
    if not parts:
        return lambda path: path == first
    *between, last = parts

    def matches(path: bytes) -> bool:
        if len(path) < len(first) + len(last) or not path.startswith(first) or not path.endswith(last):
            return False
        at, end = len(first), len(path) - len(last)
        for part in between:
            at = path.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return matches


def _code(code: str) -> Callable[[int], bool]:
    if not code:
        return lambda status: True
    if code.endswith("xx"):
        return lambda status: status // 100 == int(code[0])
    return lambda status: status == int(code)


def _has(head: RequestHead, name: bytes, value: bytes) -> bool:
    found = header_value(head, name)
    return found is not None and (not value or found == value)
