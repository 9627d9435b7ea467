"""``manage.py rollout``: the same services, from a shell."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from meshui.core.models import Change
from meshui.core.outgoing import webhook_key
from meshui.rollouts.models import Rollout
from tests.meshui.rollouts.world import World


@pytest.fixture(autouse=True)
def ready(world: World) -> World:
    return world


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("rollout", *map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()


def test_a_rollout_from_start_to_abort(world: World) -> None:
    assert "no rollout is under way" in run("status")
    said = run("--as", "olga", "start", "shop/catalog", "v2", "--reason", "catalog 2.4")
    row = world.tick(Rollout.objects.get())
    assert said.startswith(f"{row.pk} shop/catalog v1 -> v2: progressing\n")
    assert (row.created_by, row.weights) == ("olga", {"v1": 99, "v2": 1})
    status = run("status")
    assert 'step 1 of 16, propagating, 0 s: {"set_weight": 1}' in status
    assert "v1 99 %, v2 1 %" in status
    assert json.loads(run("status", row.pk, "--json"))["id"] == str(row.pk)
    run("pause", row.pk, "--reason", "lunch")
    assert f"{row.pk} shop/catalog v1 -> v2: paused (manual)" in run("status", row.pk)
    assert "rolling_back" in run("--as", "olga", "abort", row.pk, "--reason", "too slow")
    assert {change.actor for change in Change.objects.filter(action__startswith="rollout")} >= {"olga"}


def test_a_file_says_more_and_arguments_come_first(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"service": "shop/catalog", "canary": "v9", "on_fail": "freeze", "strategy": "manual"}))
    run("start", "shop/catalog", "v2", "--file", file, "--strategy", "blue_green", "--draft")
    row = Rollout.objects.get()
    assert (row.state, row.canary, row.strategy, row.plan["on_fail"]) == ("draft", "v2", "blue_green", "freeze")
    assert "progressing" in run("start", row.pk)


def test_a_dry_run_keeps_nothing() -> None:
    assert run("start", "shop/catalog", "v2", "--dry-run").startswith("- shop/catalog")
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("start", "shop/catalog", "v9"), "canary: 'v9' is no version"),
        (("start", "shop/catalog"), "canary: "),
        (("start", "shop/catalog", "v2", "--strategy", "x"), "strategy: "),
        (("start", "shop/catalog", "v2", "--template", "x"), "analysis.template: "),
        (("start", "--file", "/nowhere.json"), "/nowhere.json"),
        (("status", "7"), "not_found"),
        (("abort", "7"), "not_found"),
        (("undo", "shop/catalog"), "undo_expired"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)
    assert not Rollout.objects.exists()


def test_a_promotion_needs_a_reason() -> None:
    run("start", "shop/catalog", "v2")
    with pytest.raises(CommandError, match="reason"):
        run("promote", Rollout.objects.get().pk)
    assert "promoting" in run("promote", Rollout.objects.get().pk, "--reason", "a hotfix")


def test_the_key_of_webhooks() -> None:
    out = StringIO()
    call_command("webhook_key", stdout=out)
    assert out.getvalue().strip() == webhook_key()
