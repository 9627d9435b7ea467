"""``manage.py tap shop/checkout``: live requests in a shell on the control plane's machine. Ctrl-C stops the tap.

Who may run it may see everything; ``--as`` says who that was for the change log.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from meshui.core.actors import Actor
from meshui.core.api.bodies import invalid
from meshui.core.errors import MeshError
from meshui.taps.models import Tap
from meshui.taps.selectors import record_view
from meshui.taps.services import tap_start, tap_stop, tap_watch
from meshui.taps.stream import Counts, Seen, recent
from meshui.taps.values import MAX_SECONDS, TapBody

EVERY_S = 0.5
SHELL = "system:shell"
UNITS = {"s": 1, "m": 60, "h": 3600}


class Command(BaseCommand):
    help = "Show live requests to a service, one line each."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("destination", nargs="?", default="", help="who is asked, such as shop/checkout")
        parser.add_argument("--from", dest="source", default="", help="who asks, such as shop/frontend, or unknown")
        parser.add_argument("--side", choices=["source", "destination"], default="", help="whose proxies copy")
        parser.add_argument("--method", default="")
        parser.add_argument("--path", default="", help="* stands for anything")
        parser.add_argument("--code", default="", help="such as 503, 5xx, or 0 for no response")
        parser.add_argument("--flag", default="", help="a response flag such as UH")
        parser.add_argument("--header", default="", metavar="NAME[=VALUE]", help="a header that requests have")
        parser.add_argument("--rate", type=int, default=10, help="requests a second, of each proxy (10)")
        parser.add_argument("--percent", type=float, default=100.0, help="share of the requests that match (100)")
        parser.add_argument("--redact", action="append", default=[], metavar="NAME", help="hide one more value")
        parser.add_argument("--for", dest="time", type=_seconds, default=MAX_SECONDS, help="such as 60s or 5m (1h)")
        parser.add_argument("--json", action="store_true", help="a JSON object a line, with the headers")
        parser.add_argument("--reason", default="", help="why, for the change log")
        parser.add_argument("--as", dest="user", default=SHELL, metavar="USER", help="who it is, for the change log")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor(name=options["user"], system=True)
        try:
            row = tap_start(actor=actor, wanted=_body(options))
        except MeshError as error:
            faults = "".join(f"\n  {fault.path}: {fault.detail}" for fault in error.errors)
            raise CommandError(f"{error.detail} ({error.code}){faults}") from None
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stderr.write(f"tapping {row}, {row.service}'s proxies copy; Ctrl-C stops it")
        try:
            counts = self._follow(row, stop, _as_json if options["json"] else _as_line)
        except BrokenPipeError:  # whoever read has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        finally:
            tap_stop(actor=actor, tap_id=row.pk)
        self.stderr.write(
            f"{counts.matched} matched, {counts.received} received; dropped: {counts.dropped_by_proxies} by proxies, "
            f"{counts.dropped_by_collector} by the collector"
        )

    def _follow(self, row: Tap, stop: threading.Event, shown: Callable[[Seen], str]) -> Counts:
        """Print until ``stop``, or until the tap has ended."""
        seen, told = 0, 0
        while True:
            try:
                tap_watch(row)
                tail = recent(row.pk)
            except RedisError as error:
                raise CommandError(f"Redis cannot be reached: {error}") from None
            for record in tail.records:
                if record.n > seen:
                    if record.n > seen + 1 and seen:
                        self.stderr.write(f"{record.n - seen - 1} were lost here: this reads too slowly")
                    self.stdout.write(shown(record))
                    seen = record.n
            self.stdout.flush()
            for refused in tail.counts.refused[told:]:
                self.stderr.write(f"proxy {refused.proxy} does not copy: {refused.error}")
            told = len(tail.counts.refused)
            if stop.wait(EVERY_S):
                return tail.counts
            row.refresh_from_db()
            if row.state != "active":
                self.stderr.write(f"the tap is {row.state}")
                return tail.counts


def _body(options: dict[str, Any]) -> TapBody:
    header, _, value = options["header"].partition("=")
    names = ("source", "destination", "side", "method", "path", "code", "flag", "rate", "percent", "redact", "reason")
    said = {name: options[name] for name in names} | {"seconds": options["time"]}
    try:
        return msgspec.convert({**said, "header": header.lower(), "value": value}, TapBody)
    except msgspec.ValidationError as error:
        raise invalid(error) from None


def _seconds(text: str) -> int:
    number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS else (text, "s")
    if not number.isdecimal() or not 1 <= int(number) * UNITS[unit] <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time up to an hour, such as 60s or 5m")
    return int(number) * UNITS[unit]


def _as_json(record: Seen) -> str:
    return msgspec.json.encode(record_view(record, None)).decode()


def _as_line(record: Seen) -> str:
    line = record.line
    answered = f"{line.code or '-'}{f' {line.flags}' if line.flags else ''}"
    ends = f"{line.source} -> {line.destination}{f' {line.destination_version}' if line.destination_version else ''}"
    rule = f" {line.rule}" if line.rule else ""
    # A client chose the target: nothing in it may move the cursor or colour the screen.
    target = "".join(each if each.isprintable() else "?" for each in record.target)
    return (
        f"{line.at:%H:%M:%S.%f}"[:-3]
        + f" {ends} {line.method} {target} {answered} {line.duration_us / 1000:.1f} ms{rule}"
    )
