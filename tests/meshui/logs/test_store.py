"""Lines are kept once, and go by age and by number."""

from __future__ import annotations

import time

import pytest

from meshui.logs.models import Line
from meshui.logs.store import drop_before, drop_beyond, write
from tests.meshui.logs.records import lines, record

pytestmark = pytest.mark.django_db

NOW = int(time.time() * 1e6) - 60_000_000


def kept() -> list[str]:
    return list(Line.objects.order_by("pk").values_list("path", flat=True))


def test_a_line_that_comes_twice_is_kept_once() -> None:
    told = record(), record(path="/2")
    write(lines(*told))
    write([])
    write(lines(*told, record(path="/3")))
    assert sorted(kept()) == ["/2", "/3", "/items/7"]


def test_what_is_written_is_what_was_told() -> None:
    (line,) = lines(record(first_byte_us=-1, flags="UH", code=503))
    write([line])
    row = Line.objects.get()
    assert {name: getattr(row, name) for name in line.__struct_fields__} == {
        name: getattr(line, name) for name in line.__struct_fields__
    }


def test_old_lines_go() -> None:
    write(lines(*(record(path=f"/{n}", at_us=NOW + n * 1_000_000) for n in range(10))))
    assert drop_before((NOW + 6_000_000) / 1e6, batch=2) == 6
    assert kept() == ["/6", "/7", "/8", "/9"]


def test_the_oldest_go_where_there_are_too_many() -> None:
    write(lines(*(record(path=f"/{n}", at_us=NOW + n) for n in range(10))))
    assert drop_beyond(10, batch=3) == 0
    assert drop_beyond(4, batch=4) == 6
    assert kept() == ["/6", "/7", "/8", "/9"]
