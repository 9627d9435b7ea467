"""How a copy of meshui is run and ended: progress lines, failures said with their log, signals.

Knows nothing of what the stages are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from meshui.config.embedded import EmbeddedError
from meshui.config.launch import command_line
from meshui.demo import environment
from meshui.demo.environment import ROOT, DemoError, Options
from meshui.demo.supervision import Supervisor

LOG_LINES = 25
COMMAND_DEADLINE_S = 120
LOOK_EVERY_S = 0.5
INTERRUPTED = 130


class Copy(Protocol):
    """What can be run: ``start`` goes through the stages and raises DemoError or EmbeddedError at the first to fail."""

    supervisor: Supervisor

    def start(self) -> None: ...


class Stopped(BaseException):
    """SIGINT or SIGTERM came."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Say what was done and how long it took, once it is done."""
    began = time.monotonic()
    yield
    say(f"  ok  {title:<52} {time.monotonic() - began:5.1f} s")


def run(make: Callable[[Options], Copy]) -> int:
    """Start a copy and keep it until it is told to stop. Whatever happens, no process stays behind.

    Returns the exit status: 0 when stopped after it was ready, 1 when something failed, 130 when stopped before.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    copy = None
    status = INTERRUPTED
    try:
        copy = make(environment.read(os.environ))
        copy.start()
        status = 0
        _watch(copy.supervisor)
    except Stopped:
        say("meshui is stopping")
    except (DemoError, EmbeddedError) as error:
        _say_failure(error)
        status = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if copy is not None:
            copy.supervisor.close()
    return status


def _stop(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)  # one is enough: what follows ends everything
    raise Stopped


def _watch(supervisor: Supervisor) -> None:
    supervisor.remember()
    while True:
        for line in supervisor.deaths():
            say(line)
        time.sleep(LOOK_EVERY_S)


def _say_failure(error: Exception) -> None:
    say(f"  FAILED  {error}")
    if isinstance(error, DemoError):
        if error.log is not None and error.log.exists():
            with error.log.open(errors="replace") as log:
                for line in deque(log, LOG_LINES):
                    say(f"    | {line.rstrip()}")
            say(f"  log     {error.log}")
        say(f"  mend    {error.mend}")


def manage(log: Path, env: Mapping[str, str], arguments: Sequence[str], mend: str) -> None:
    """Run a ``manage.py`` command to its end, into ``log``. Raises DemoError when it fails or takes two minutes."""
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603
            command_line([sys.executable, ROOT / "manage.py", *arguments]),
            cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
        try:
            status = child.wait(COMMAND_DEADLINE_S)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if status:
        raise DemoError(f"manage.py {arguments[0]} failed", mend, log)
