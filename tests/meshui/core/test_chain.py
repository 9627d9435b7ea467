"""The change log's hash chain: what was written is provable, and the database refuses to alter it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from meshui.core import chain
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.models import Change, Mesh
from tests.support.api import Api

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def line(number: int, **changes: Any) -> dict[str, Any]:
    told = {field: "" for field in chain.FIELDS} | {"id": number, "revision": number, "after": {"weight": number}}
    return told | changes


def chained(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    digest = chain.START
    for each in lines:
        each["digest"] = digest = chain.digest_of(each, digest)
    return list(lines)


@pytest.fixture
def log(catalog: object, root: Actor) -> list[Change]:
    """Some changes, of all that JSON and PostgreSQL may write differently."""
    for after in ({"b": 1, "a": [1.0, 2.5, 1e22, 1e-7]}, None, "ünïcode \u2028", {"10": True, "9": None}):
        with commit(actor=root, action="test.do", obj="test:x", reason="why") as change:
            change.summary, change.after = "did", after
    return list(Change.objects.order_by("pk"))


def altered(sql: str) -> None:
    """Write past the trigger, as somebody with the database's password could."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE core_change DISABLE TRIGGER core_change_append_only")
        cursor.execute(sql)
        cursor.execute("ALTER TABLE core_change ENABLE TRIGGER core_change_append_only")


@given(VALUES)
def test_a_digest_is_the_same_after_a_round_trip(value: Any) -> None:
    one = line(1, before=value)
    assert chain.digest_of(json.loads(json.dumps(one)), chain.START) == chain.digest_of(one, chain.START)


@pytest.mark.parametrize("field", chain.FIELDS)
def test_a_digest_covers_every_field(field: str) -> None:
    one = line(1)
    assert chain.digest_of(one | {field: "other"}, chain.START) != chain.digest_of(one, chain.START)
    assert chain.digest_of(one, "1" * 64) != chain.digest_of(one, chain.START)


def test_a_line_altered_removed_put_in_or_moved_breaks_the_chain() -> None:
    lines = chained(*(line(n) for n in range(1, 6)))
    assert chain.verify(lines) == chain.Verified(5, lines[-1]["digest"])
    broken = {
        "altered": ([*lines[:2], lines[2] | {"actor": "mallory"}, *lines[3:]], 3),
        "removed": ([*lines[:2], *lines[3:]], 4),
        "put in": ([*lines[:2], line(9, digest="0" * 64), *lines[2:]], 9),
        "moved": ([lines[1], lines[0], *lines[2:]], 2),
        "first gone": (lines[1:], 2),
    }
    for what, (changed, at) in broken.items():
        with pytest.raises(chain.BrokenChain) as caught:
            chain.verify(changed)
        assert caught.value.line == at, what


def test_a_later_part_is_verified_from_its_first_line_on() -> None:
    lines = chained(*(line(n) for n in range(1, 6)))
    assert chain.verify(lines[2:], previous=None).count == 3
    with pytest.raises(chain.BrokenChain):
        chain.verify([lines[2], lines[3] | {"reason": "other"}], previous=None)
    with pytest.raises(chain.BrokenChain):  # the very first has nothing before it that could be missing
        chain.verify([lines[0] | {"reason": "other"}], previous=None)


def test_every_commit_continues_the_chain(log: list[Change]) -> None:
    assert chain.verify_log() == chain.Verified(len(log), log[-1].digest)
    assert Mesh.objects.get().chain == log[-1].digest


@pytest.mark.parametrize("sql", ["UPDATE core_change SET actor = 'mallory'", "DELETE FROM core_change"])
def test_the_database_refuses_to_alter_the_log(log: list[Change], sql: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert chain.verify_log().count == len(log)


def test_what_is_altered_past_the_database_is_found(log: list[Change], admin: Api) -> None:
    assert admin.get("changes/verify/").body == {
        "intact": True, "count": len(log), "head": log[-1].digest, "why": "", "broken_at": None,
    }  # fmt: skip
    altered(f"DELETE FROM core_change WHERE id = {log[-1].pk}")
    shortened = admin.get("changes/verify/").body
    assert (shortened["intact"], shortened["broken_at"], shortened["count"]) == (False, None, len(log) - 1)
    altered(f"UPDATE core_change SET reason = 'harmless' WHERE id = {log[-2].pk}")
    found = admin.get("changes/verify/").body
    assert (found["intact"], found["broken_at"]) == (False, log[-2].pk)


def test_an_export_is_whole_and_verifiable_elsewhere(log: list[Change], admin: Api, tmp_path: Path) -> None:
    first = admin.get("changes/export/?limit=2").body["lines"]
    rest = admin.get(f"changes/export/?after={first[-1]['id']}").body["lines"]
    assert [each["id"] for each in first + rest] == [row.pk for row in log]
    assert chain.verify(first + rest).head == log[-1].digest

    out, file = StringIO(), tmp_path / "log.jsonl"
    call_command("changelog", "export", stdout=out)
    file.write_text(out.getvalue())
    assert [json.loads(text) for text in file.read_text().splitlines()] == first + rest
    call_command("changelog", "verify", file=file, head=log[0].digest, stdout=out)
    assert f"{len(log)} changes fit together" in out.getvalue()
    file.write_text(file.read_text().replace('"reason": "why"', '"reason": "no"', 1))
    with pytest.raises(CommandError, match="broken after"):
        call_command("changelog", "verify", file=file)
    with pytest.raises(CommandError, match="none has the digest"):
        call_command("changelog", "verify", head="f" * 64)


def test_the_whole_log_is_for_administrators_of_the_mesh(operator: Api, viewer: Api) -> None:
    for api in (operator, viewer):
        assert api.get("changes/export/").status == api.get("changes/verify/").status == 403
