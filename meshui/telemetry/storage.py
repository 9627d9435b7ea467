"""How much the past takes: the rows and bytes of each level of rollups, and what an edge costs a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min, QuerySet

from meshui.telemetry.coarse import kept_days
from meshui.telemetry.levels import FINE, LEVELS, SUMMED, Level
from meshui.telemetry.models import CoarseRollup, Rollup

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Stored:
    """One level: its rows, how many edges they are of, and the first and last start of a bucket (None without rows).
    ``bytes`` is with indexes; of two levels in one table each has its share by rows."""

    level: Level
    days: int
    rows: int
    edges: int
    first: datetime | None
    last: datetime | None
    bytes: int

    @property
    def row_bytes(self) -> float:
        return self.bytes / self.rows if self.rows else 0.0

    @property
    def edge_day_bytes(self) -> float:
        """What an edge with traffic in every bucket takes a day."""
        return self.row_bytes * DAY_S / self.level


def stored() -> list[Stored]:
    """All levels, the finest first."""
    coarse = {level: CoarseRollup.objects.filter(span_s=level) for level in SUMMED}
    coarse_rows = sum(rows.count() for rows in coarse.values())
    answer = []
    for level in LEVELS:
        rows: QuerySet[Any] = Rollup.objects.all() if level == FINE else coarse[level]
        found = rows.aggregate(rows=Count("pk"), edges=Count("edge_id", distinct=True), first=Min("at"), last=Max("at"))
        table = _table_bytes(rows.model._meta.db_table)
        share = 1.0 if level == FINE else found["rows"] / max(1, coarse_rows)
        answer.append(Stored(level=level, days=kept_days()[level], bytes=round(table * share), **found))
    return answer


def _table_bytes(table: str) -> int:
    """With its indexes and what is stored beside it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [f'"{table}"'])
        return int(cursor.fetchone()[0])
