"""``python -m proxies.compile``: make the compiled copy of the hot modules, where it is not there yet.

Needs what requirements/compile.txt names, a C compiler and Python's headers. Whatever is missing, it says so in one
line and succeeds: then the proxies run from their sources, slower.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from proxies.compiled import ROOT, folder, hot

COPIES = 4
"""How many copies are kept: of the sources as they were before, and of other trees with the same environment."""
_UNITS = {"proxies.core.hot": ("core", "wire"), "proxies.net.hot": ("net",)}
"""Compiled beside each other, each as a whole: calls within one are plain C calls."""


def main() -> int:
    target = folder()
    if target.is_dir():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compile-", dir=target.parent) as work:
        # In a process of its own: compilers write to standard output and exit as they please.
        command = [sys.executable, "-c", f"from proxies.compile import build; build({work!r})"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
        if result.returncode:
            _say(f"run uncompiled, and slower: {_reason(result.stdout + result.stderr)}")
            return 0
        try:
            os.replace(Path(work, "lib"), target)
        except OSError:
            if not target.is_dir():  # somebody else made it meanwhile
                raise
    _say("are compiled")
    copies = [path for path in target.parent.iterdir() if path != target and not path.name.startswith("compile-")]
    for old in sorted(copies, key=lambda path: -path.stat().st_mtime)[COPIES - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return 0


def build(work: str) -> None:
    """Compile into the folder ``lib`` under ``work``. Raises whatever a compiler raises."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    units: list[tuple[list[str], str | None]] = [
        ([file for package in packages for file in hot(package)], name) for name, packages in _UNITS.items()
    ]
    checks = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={work}/cache"]
    extensions = mypycify(
        [*checks, *(file for files, _ in units for file in files)],
        opt_level="1",  # as fast as 2 here: the time is spent in CPython's own functions
        debug_level="0",
        separate=units,
        target_dir=f"{work}/c",
    )
    command = build_ext(Distribution({"name": "meshui", "ext_modules": extensions}))
    command.build_lib = f"{work}/lib"
    command.build_temp = f"{work}/objects"
    command.parallel = len(units)
    command.ensure_finalized()
    command.run()


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["the compiler gave no reason"])[-1]


def _say(what: str) -> None:
    print(f"The proxies' hot modules {what}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
