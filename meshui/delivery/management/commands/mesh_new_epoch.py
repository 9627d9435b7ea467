"""``manage.py mesh_new_epoch``: after the database was restored from a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from meshui.core.actors import system
from meshui.delivery.publish import push
from meshui.delivery.services import mesh_new_epoch


class Command(BaseCommand):
    help = "Begin a new epoch: publish everything again, and have proxies take it whatever revisions they hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="the database was restored")

    def handle(self, *args: Any, **options: Any) -> None:
        revision = mesh_new_epoch(actor=system("command"), reason=options["reason"])
        push()
        self.stdout.write(f"a new epoch began with revision {revision}")
