"""Where lines are kept: written in batches, each once, and dropped by age and by number."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from django.db import connection

from meshui.logs.models import Line
from meshui.logs.values import NewLine, line_id

_COLUMNS = Line._meta.concrete_fields
_NAMES = ", ".join(f'"{field.column}"' for field in _COLUMNS)
_ARRAYS = ", ".join(f"%s::{field.db_type(connection)}[]" for field in _COLUMNS)
_WRITE = f"INSERT INTO logs_line ({_NAMES}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT DO NOTHING"  # noqa: S608
_DROP = """
    DELETE FROM logs_line WHERE id IN (SELECT id FROM logs_line WHERE id < %s ORDER BY id LIMIT %s)
"""


def write(lines: Sequence[NewLine]) -> None:
    """Add lines; one that is there already stays as it is."""
    if lines:
        ordered = sorted(lines, key=lambda line: line.id)  # two writers never wait for each other in a circle
        columns = [list(column) for column in zip(*map(msgspec.structs.astuple, ordered), strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, columns)


def drop_before(limit: float, batch: int) -> int:
    """Delete lines of before ``limit`` (Unix seconds), ``batch`` rows a statement, so that no lock is held for long."""
    return _drop_below(line_id(int(limit * 1_000_000)), batch)


def drop_beyond(most: int, batch: int) -> int:
    """Delete the oldest lines, until there are at most ``most``."""
    oldest_kept: UUID | None = Line.objects.order_by("-pk").values_list("pk", flat=True)[most - 1 : most].first()
    return _drop_below(oldest_kept, batch) if oldest_kept else 0


def _drop_below(limit: UUID, batch: int) -> int:
    dropped = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_DROP, [limit, batch])
            gone: int = cursor.rowcount
            dropped += gone
            if gone < batch:
                return dropped
