"""``manage.py tap``: lines and JSON lines until it is interrupted, as the process that people start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from redis import Redis

from meshui.catalog.models import Service
from meshui.core.models import Change
from meshui.taps import stream
from meshui.taps.management.commands import tap as command
from meshui.taps.models import Tap
from meshui.taps.stream import NOTHING, Batch, Seen
from tests.meshui.logs.records import inbound, lines
from tests.support.poll import until

ROOT = Path(__file__).resolve().parents[3]


def hand_on(valkey: Redis, *numbers: int, target: str = "/items/7?a=1") -> None:
    (line,) = lines(inbound(code=503, flags="UH", rule="breaker:pending"), proxy="catalog")
    (tap,) = Tap.objects.all()
    records = [Seen(n, line, target, [("host", "x")], [("via", "y")], False) for n in numbers]
    valkey.xadd(stream.key(tap.pk), stream.entry(Batch(NOTHING, records)))


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "tap", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.django_db(transaction=True)
def test_it_prints_requests_until_it_is_interrupted(valkey: Redis, catalog: Service) -> None:
    with started("shop/catalog", "--from", "bank/ledger", "--code", "5xx", "--as", "olga") as process:
        until(lambda: Tap.objects.exists(), "the tap", 30)
        row = Tap.objects.get()
        assert (row.source, row.destination, row.created_by, row.filters["code"]) == (
            *("bank/ledger", "shop/catalog", "olga", "5xx"),
        )
        hand_on(valkey, 1)
        assert process.stdout and process.stderr
        shown = process.stdout.readline()
        assert "shop/frontend -> shop/catalog v2 GET /items/7?a=1 503 UH 12.5 ms breaker:pending" in shown
        hand_on(valkey, 5)
        assert "503" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
    assert "3 were lost here" in said
    assert "0 matched, 0 received" in said
    assert Tap.objects.get().state == "stopped"
    assert [change.action for change in Change.objects.order_by("-pk")[:2]] == ["tap.stop", "tap.start"]


@pytest.mark.django_db(transaction=True)
def test_who_reads_no_more_ends_it(valkey: Redis, catalog: Service) -> None:
    with started("shop/catalog", "--json") as process:
        until(lambda: Tap.objects.exists(), "the tap", 30)
        hand_on(valkey, 1)
        assert process.stdout
        told = json.loads(process.stdout.readline())
        assert (told["n"], told["request"]["code"], told["request_headers"]) == (1, 503, [["host", "x"]])
        process.stdout.close()
        process.stdout = None
        hand_on(valkey, 2)
        until(lambda: Tap.objects.get().state == "stopped", "the tap stopped", 30)
        assert process.wait(30) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop/gone"], "no service shop/gone"),
        (["--from", "unknown"], "destination"),
        (["shop/catalog", "--rate", "51"], "rate"),
        (["shop/catalog", "--header", "x y"], "header"),
        (["shop/catalog", "--for", "2h"], "no time up to an hour"),
    ],
)
def test_what_is_no_tap_is_refused(valkey: Redis, catalog: Service, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("tap", *arguments)
    assert not Tap.objects.exists()


def test_nothing_of_a_request_reaches_the_terminal_as_a_command() -> None:
    (line,) = lines(inbound(), proxy="catalog")
    shown = command._as_line(Seen(1, line, "/\x1b[31mred\x07\u202e", [], [], False))
    assert "/?[31mred??" in shown
