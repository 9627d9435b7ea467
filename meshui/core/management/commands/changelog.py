"""``manage.py changelog``: the change log as JSON lines, and whether it is what was written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from meshui.core import chain
from meshui.core.models import Change

BATCH = 1000


class Command(BaseCommand):
    help = "Export the change log as JSON lines, or verify its hash chain."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="write changes to standard output, one JSON object a line")
        export.add_argument("--after", type=_number, default=0, metavar="ID", help="only those with a higher id")
        verify = actions.add_parser("verify", help="follow the chain; exit status 1 where it is broken")
        verify.add_argument("--file", type=Path, help="an export, instead of the database")
        verify.add_argument("--head", default="", metavar="DIGEST", help="a digest kept earlier that must be in it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "export":
            self._export(options["after"])
        else:
            self._verify(options["file"], options["head"])

    def _export(self, after: int) -> None:
        while lines := list(chain.exported(after, BATCH)):
            for line in lines:
                self.stdout.write(json.dumps(line))
            after = lines[-1]["id"]

    def _verify(self, file: Path | None, head: str) -> None:
        try:
            found = chain.verify_log() if file is None else chain.verify(_lines(file), previous=None)
            known = not head or _known(file, head)
        except chain.BrokenChain as broken:
            raise CommandError(f"broken after {broken.count} changes: {broken}") from broken
        except (OSError, ValueError) as error:
            raise CommandError(f"{file}: {error}") from error
        if not known:
            raise CommandError(f"{found.count} changes fit together, but none has the digest {head}")
        self.stdout.write(f"{found.count} changes fit together; the last digest is {found.head}")


def _known(file: Path | None, head: str) -> bool:
    if file is None:
        return Change.objects.filter(digest=head).exists()
    return any(line["digest"] == head for line in _lines(file))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("takes the id of a change")
    return number
