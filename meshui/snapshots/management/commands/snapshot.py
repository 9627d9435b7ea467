"""``manage.py snapshot FILE [--since 15m]``: the mesh, its recent past and its configuration into one file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils import timezone
from redis import RedisError

from meshui.core.errors import InvalidInput
from meshui.snapshots.archive import SnapshotError
from meshui.snapshots.recording import record
from meshui.telemetry.api.queries import MAX_SPAN_S, seconds


class Command(BaseCommand):
    help = "Write the mesh, its recent past and its configuration, without secrets, to one file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--since", default="15m", help="how much of the past: 90s, 15m, 24h, 7d (default: 15m)")

    def handle(self, *args: Any, file: Path, since: str, **options: Any) -> None:
        try:
            span = timedelta(seconds=seconds("since", since, MAX_SPAN_S))
        except (InvalidInput, ValueError) as error:
            raise CommandError(f"--since {since}: expected such as 15m, at most 31d") from error
        now = timezone.now()
        try:
            record(file, since=now - span, taken_at=now)
        except (SnapshotError, OSError, RedisError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{file}: {file.stat().st_size / 1e6:.1f} MB, the last {since} up to {now:%Y-%m-%d %H:%M} UTC"
        )
