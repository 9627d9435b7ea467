"""``manage.py webhook_key``: the key that signs webhooks."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from meshui.core.outgoing import webhook_key


class Command(BaseCommand):
    help = "Print the key of X-Meshui-Signature, for receivers of webhooks. It changes with MESHUI_SECRET_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(webhook_key())
