"""``manage.py telemetry_storage``: what the recorded past takes in PostgreSQL, by level."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from meshui.telemetry.storage import stored

ROW = "{:>6} {:>6} {:>12} {:>7} {:>10} {:>8} {:>14}  {}"


class Command(BaseCommand):
    help = "Show the rows and bytes of each level of rollups, and what an edge costs a day."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(ROW.format("level", "kept", "rows", "edges", "size", "a row", "an edge a day", "from"))
        for level in stored():
            self.stdout.write(
                ROW.format(
                    f"{level.level} s",
                    f"{level.days} d",
                    f"{level.rows:,}",
                    f"{level.edges:,}",
                    f"{level.bytes / 1e6:,.1f} MB",
                    f"{level.row_bytes:,.0f} B",
                    f"{level.edge_day_bytes / 1e6:,.3f} MB",
                    level.first.isoformat(timespec="seconds") if level.first else "-",
                )
            )
