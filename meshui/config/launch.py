"""Become a command that ends with its parent: ``python launch.py [--user NAME] [--signal INT] [--bare] -- COMMAND...``

Run as a script, before anything is installed or imported, so it knows only the standard library. The parent's
death is told by the kernel (PR_SET_PDEATHSIG), so that even ``kill -9`` of a supervisor leaves no child behind.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
BARE = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""What ``--bare`` keeps of the environment: a child that needs no secret sees none."""


def command_line(
    command: Sequence[str | Path], *, user: str | None = None, end: signal.Signals = signal.SIGTERM, bare: bool = False
) -> list[str]:
    """The command that runs ``command`` so. ``end`` is the signal it gets when its parent dies."""
    options = ["--signal", end.name.removeprefix("SIG")]
    options += ["--user", user] if user else []
    options += ["--bare"] if bare else []
    return [sys.executable, "-I", "-S", str(Path(__file__)), *options, "--", *map(str, command)]


def become(user: str) -> None:
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    os.chdir("/")


def end_with_parent(end: signal.Signals) -> None:
    """Ask the kernel for ``end`` when the parent dies. The kernel forgets this when the user changes: call it after."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(end))
    if os.getppid() != parent:
        sys.exit("the parent died first")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user")
    parser.add_argument("--signal", default="TERM")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.user:
        become(options.user)
    end_with_parent(signal.Signals[f"SIG{options.signal}"])
    environment = {k: v for k, v in os.environ.items() if not options.bare or k in BARE}
    os.execvpe(options.command[0], options.command, environment)  # noqa: S606 - replacing ourselves is the point


if __name__ == "__main__":
    main()
