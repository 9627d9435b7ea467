"""Header operations, compiled to edits of a head's lines in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from proxies.core import fields
from proxies.core.errors import Flaw
from proxies.wire.routing import HeaderOps

Edit = Callable[[list[bytes]], None]

_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?").fullmatch
_EDITABLE = (fields.ORDINARY, fields.FORWARDED)


def compile_ops(*operations: HeaderOps | None) -> Edit | None:
    """An edit that does the operations one after the other, or None where there are none. The first line of what it
    edits is the request or status line."""
    edits = [_compile(one) for one in operations if one is not None and (one.set or one.add or one.remove)]
    if len(edits) < 2:
        return edits[0] if edits else None

    def edit(lines: list[bytes]) -> None:
        for each in edits:
            each(lines)

    return edit


def _compile(operations: HeaderOps) -> Edit:
    gone = {name.encode() for name in (*operations.remove, *operations.set)}
    new = [f"{name}: {value}".encode() for name, value in (*operations.set.items(), *operations.add.items())]

    def edit(lines: list[bytes]) -> None:
        if gone:
            lines[1:] = fields.without(lines[1:], gone)
        lines += new

    return edit


def ops_flaws(operations: HeaderOps | None) -> Iterator[Flaw]:
    """What is wrong with the operations, paths as ``set.x-name``. Fields that frame a message, belong to one hop, or
    are the proxy's own word (Host, Via, trace context, request id, the client's certificate) are not to be edited."""
    if operations is None:
        return
    named = [(f"set.{name}", name) for name in operations.set]
    named += [(f"add.{name}", name) for name in operations.add]
    named += [(f"remove.{index}", name) for index, name in enumerate(operations.remove)]
    for path, name in named:
        if fields.meaning(name.encode()) not in _EDITABLE:
            yield Flaw(path, "forbidden", f"{name} is not to be edited")
    for place, values in (("set", operations.set), ("add", operations.add)):
        for name, value in values.items():
            if _VALUE(value) is None:
                yield Flaw(f"{place}.{name}", "invalid", "a value is printable ASCII without space around it")
