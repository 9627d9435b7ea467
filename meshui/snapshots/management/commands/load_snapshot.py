"""``manage.py load_snapshot FILE``: fill an empty database and server. ``manage.py open-snapshot`` runs it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from meshui.snapshots import clock
from meshui.snapshots.archive import Reader, SnapshotError
from meshui.snapshots.loading import load


class Command(BaseCommand):
    help = "Fill an empty database with a snapshot; for `manage.py open-snapshot`, which starts one."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if settings.MESHUI.snapshot_at is None:
            raise CommandError("this would overwrite a mesh; `manage.py open-snapshot` opens a snapshot beside it")
        call_command("migrate", interactive=False, verbosity=0)
        try:
            load(Reader(file), os.environ["MESHUI_ADMIN_PASSWORD"])
            clock.stop_database(settings.MESHUI.snapshot_at)
        except SnapshotError as error:
            raise CommandError(str(error)) from error
