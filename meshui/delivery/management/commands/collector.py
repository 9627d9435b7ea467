"""``manage.py collector``: what is heard of the mesh, to the database, in one process: acknowledgements and telemetry
from the streams, and the answers of instances to health checks."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from meshui.catalog.checking import checker
from meshui.core.redis import async_client
from meshui.delivery import acks
from meshui.logs import intake as logs
from meshui.security.registry import RegistryCredentials
from meshui.taps import relay as taps
from meshui.telemetry import collector as telemetry
from meshui.telemetry.fold import Identity, Registry
from meshui.traces import intake as spans
from meshui.traffic.selectors import route_names
from proxies.wire.reports import Telemetry


class Command(BaseCommand):
    help = "Collect acknowledgements, telemetry, spans, logs and taps, and check instances, until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="", help="this collector's name among several (default: the host's)")

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(collect(options["name"]))


async def collect(name: str) -> None:
    """Run all until a signal. One that fails for good ends the process, for its supervisor to start it again."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with async_client() as client, asyncio.TaskGroup() as group:
        takers = (spans.Intake(), logs.Intake(), taps.Relay(client))

        def take(report: Telemetry, identity: Identity, registry: Registry) -> None:
            for taker in takers:
                taker.take(report, identity, registry)

        reports = telemetry.run(client, take, route_names)
        parts = (reports, checker.run(RegistryCredentials()), *(taker.run() for taker in takers))
        tasks = [group.create_task(part) for part in parts]
        await acks.run(client, stop, name)
        for task in tasks:
            task.cancel()
