"""``manage.py rollout``: rollouts from a shell on the control plane's machine. It goes through the same services as the
API; who may run it may everything, and ``--as`` says who that was for the change log."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
from django.core.management.base import BaseCommand, CommandError

from meshui.core.actors import Actor
from meshui.core.api.bodies import invalid
from meshui.core.errors import MeshError
from meshui.rollouts import selectors
from meshui.rollouts.bodies import RolloutBody
from meshui.rollouts.models import Rollout
from meshui.rollouts.planning import spelled_step
from meshui.rollouts.services import Action, rollout_act, rollout_create, undo
from meshui.rollouts.services.plans import planned
from meshui.rollouts.shown import rollout_view

STEERING: tuple[Action, ...] = tuple(action for action in get_args(Action) if action != "start")
SHELL = "system:shell"


class Command(BaseCommand):
    help = "Start, follow and steer rollouts."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--as", dest="user", default=SHELL, metavar="USER", help="who it is, for the change log")
        commands = parser.add_subparsers(dest="command", required=True)
        _starting(commands.add_parser("start", help="a new rollout, or a draft by its number"))
        status = commands.add_parser("status", help="one rollout, or all that are under way")
        status.add_argument("rollout", type=int, nargs="?")
        status.add_argument("--json", action="store_true", help="as the API answers it")
        for action in STEERING:
            acting = commands.add_parser(action)
            acting.add_argument("rollout", type=int)
            acting.add_argument("--reason", default="")
            if action == "abort":
                acting.add_argument("--force", action="store_true", help="even where stable has no healthy instance")
        undoing = commands.add_parser("undo", help="roll a success of the last 30 minutes back")
        undoing.add_argument("service")
        undoing.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor(name=options["user"], system=True)
        try:
            how = _HOW.get(options["command"], Command._act)
            how(self, actor, options)
        except MeshError as error:
            faults = "".join(f"\n  {fault.path}: {fault.detail}" for fault in error.errors)
            raise CommandError(f"{error.detail} ({error.code}){faults}") from None

    def _start(self, actor: Actor, options: Mapping[str, Any]) -> None:
        if (options["service"] or "").isdecimal():
            self._act(actor, {**options, "rollout": int(options["service"]), "reason": options["reason"] or ""})
            return
        body = _body(options)
        row = rollout_create(
            actor=actor,
            plan=planned(body.service, body, author=actor.name),
            start=body.start,
            reason=body.reason,
            dry_run=options["dry_run"],
        )
        self._say(row)

    def _status(self, actor: Actor, options: Mapping[str, Any]) -> None:
        if options["rollout"] is not None:
            rows = [selectors.get_rollout(actor, options["rollout"])]
        else:
            rows = list(selectors.rollouts(actor, active=True).order_by("-pk"))
        for row in rows:
            if options["json"]:
                self.stdout.write(msgspec.json.encode(rollout_view(row, actor)).decode())
            else:
                self._say(row)
        if not rows:
            self.stderr.write("no rollout is under way")

    def _undo(self, actor: Actor, options: Mapping[str, Any]) -> None:
        self._say(undo(actor=actor, service=options["service"], reason=options["reason"]))

    def _act(self, actor: Actor, options: Mapping[str, Any]) -> None:
        self._say(
            rollout_act(
                actor=actor,
                rollout_id=options["rollout"],
                action=options["command"],
                reason=options["reason"],
                force=options.get("force", False),
            )
        )

    def _say(self, row: Rollout) -> None:
        state = f"{row.state} ({row.pause_reason})" if row.pause_reason else row.state
        steps = selectors.plan_of(row).steps
        self.stdout.write(f"{row.pk or '-'} {row.service} {row.stable} -> {row.canary}: {state}")
        if row.active and row.step_index < len(steps):
            said = json.dumps(spelled_step(steps[row.step_index]))
            for_s = (datetime.now(UTC) - row.step_since).total_seconds() if row.step_since else 0
            self.stdout.write(f"  step {row.step_index + 1} of {len(steps)}, {row.step_phase}, {for_s:.0f} s: {said}")
        if row.weights:
            self.stdout.write(f"  {', '.join(f'{version} {weight} %' for version, weight in row.weights.items())}")
        if row.reason:
            self.stdout.write(f"  {row.reason}")


_HOW: Mapping[str, Callable[[Command, Actor, Mapping[str, Any]], None]] = {
    "start": Command._start,
    "status": Command._status,
    "undo": Command._undo,
}


def _starting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", nargs="?", help="namespace/name, or the number of a draft")
    parser.add_argument("canary", nargs="?", help="the version that is to take over")
    parser.add_argument("--file", type=Path, help="a body as the API takes it, in JSON")
    parser.add_argument("--strategy")
    parser.add_argument("--template", help="an analysis template")
    parser.add_argument("--reason")
    parser.add_argument("--draft", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help="check, and change nothing")


def _body(options: Mapping[str, Any]) -> RolloutBody:
    """What the file says, and what the arguments say over it."""
    try:
        said: Any = json.loads(options["file"].read_text()) if options["file"] else {}
    except (OSError, ValueError) as error:
        raise CommandError(f"{options['file']}: {error}") from None
    if not isinstance(said, dict):
        raise CommandError(f"{options['file']}: a rollout is a JSON object")
    said |= {name: options[name] for name in ("service", "canary", "strategy", "reason") if options[name]}
    if options["template"]:
        said["analysis"] = {**said.get("analysis", {}), "template": options["template"]}
    if options["draft"]:
        said["start"] = False
    try:
        return msgspec.convert(said, RolloutBody)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
