"""``manage.py seed_demo PORTS``: migrate the database and register the demo mesh. ``manage.py demo`` runs it."""

from __future__ import annotations

import json
import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from meshui.demo.seed import seed


class Command(BaseCommand):
    help = "Migrate the database and register the demo mesh; for `manage.py demo`, which knows the ports."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ports", type=json.loads, help="JSON: the ports of each proxy by its name")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MESHUI.demo:
            raise CommandError("this is no demo: MESHUI_ENV is not demo")
        call_command("migrate", interactive=False, verbosity=1)
        mesh = settings.MESHUI
        seed(mesh.data_dir, options["ports"], os.environ["MESHUI_ADMIN_PASSWORD"], mesh.proxy_redis_url)
