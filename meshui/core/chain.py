"""The change log's hash chain: each line carries a digest over itself and the line before it.

Who keeps the digest of some line can tell later whether anything up to it was altered, removed or put in between, with
nothing but the lines themselves: no key is needed, and an export is verified like the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meshui.core.models import Change, Mesh

START = "0" * 64
"""What stands before the first line."""
FIELDS = ("revision", "at", "actor", "action", "object", "namespace", "summary", "reason", "address", "before", "after")
"""What a digest covers, besides the digest before it."""


class BrokenChain(ValueError):
    """The log is not as it was written. ``line`` is the id of the first change that does not fit, None where it is the
    end that is missing; ``count`` changes before it fit, the last with the digest ``head``."""

    def __init__(self, why: str, line: int | None, count: int, head: str) -> None:
        super().__init__(why)
        self.line = line
        self.count = count
        self.head = head


@dataclass(frozen=True, slots=True)
class Verified:
    """``count`` changes that fit together; ``head`` is the digest of the last one."""

    count: int
    head: str


def line_of(row: Change) -> dict[str, Any]:
    """A change as it is exported: JSON values only."""
    return {
        "id": row.pk,
        "revision": row.revision_id,
        "at": _instant(row.at),
        "actor": row.actor,
        "action": row.action,
        "object": row.object,
        "namespace": row.namespace,
        "summary": row.summary,
        "reason": row.reason,
        "address": row.address,
        "before": row.before,
        "after": row.after,
        "digest": row.digest,
    }


def digest_of(line: Mapping[str, Any], previous: str) -> str:
    """SHA-256 (hex) over the ``FIELDS`` of a line, in order, and ``previous``: the digest before it."""
    told = [previous, *(line[field] for field in FIELDS)]
    text = json.dumps(_plain(told), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def exported(after: int, limit: int) -> Iterator[dict[str, Any]]:
    """At most ``limit`` lines with an id above ``after``, the oldest first."""
    for row in Change.objects.filter(pk__gt=after).order_by("pk")[:limit].iterator():
        yield line_of(row)


def verify(lines: Iterable[Mapping[str, Any]], *, previous: str | None = START) -> Verified:
    """Follow the chain. ``previous`` is the digest before the first line; None takes the first line for granted where
    it is not the first of all, which is all one can do with an export that begins later. Raises BrokenChain."""
    count = 0
    for line in lines:
        try:
            before = previous or START
            fits = line["digest"] == digest_of(line, before) or (previous is None and line["revision"] > 1)
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenChain(f"line {count + 1} is no change: {error!r}", None, count, previous or START) from error
        if not fits:
            why = f"change {line['id']} is not what was written, or what stood before it is gone"
            raise BrokenChain(why, line["id"], count, previous or START)
        previous = str(line["digest"])
        count += 1
    return Verified(count, previous or START)


def verify_log() -> Verified:
    """The whole log in the database, and that its end is the last change that was committed. Raises BrokenChain."""
    found = verify(line_of(row) for row in Change.objects.order_by("pk").iterator())
    mesh = Mesh.objects.filter(pk=1).first()
    if mesh is not None and mesh.chain != found.head:
        raise BrokenChain("the last changes are missing", None, found.count, found.head)
    return found


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(value: Any) -> Any:
    """The same value however a database or another program writes it: PostgreSQL keeps 1e22 as an integer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
