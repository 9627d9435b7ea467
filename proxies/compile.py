"""``python -m proxies.compile``: make the compiled copy of the hot modules, if it is not there.

Needs mypyc and setuptools (requirements/compile.txt), a C compiler and Python's headers. Without them it says so in one
line and succeeds: the proxies run from their sources then, and slower.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from proxies.compiled import HOT, ROOT, folder

KEPT = 4
"""Copies that are kept: those of the sources before, and of other trees that share the environment."""


def main() -> int:
    target = folder()
    if target.is_dir():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="meshui-compile-") as work:
        result = subprocess.run(  # noqa: S603
            [sys.executable, "-c", f"from proxies.compile import build; build({work!r})"],
            cwd=ROOT,
            env={**os.environ, "MESHUI_COMPILED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode:
            _say(f"cannot be compiled here, and run as they are: {_reason(result.stdout)}")
            return 0
        shutil.copytree(Path(work, "lib"), Path(f"{target}.new"), dirs_exist_ok=True)
    os.replace(f"{target}.new", target)
    _say("are compiled")
    for old in sorted(target.parent.iterdir(), key=lambda each: -each.stat().st_mtime)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return 0


def build(work: str) -> None:
    """Compile into ``work``/lib."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    files = [f"proxies/{package}/{module}.py" for package, modules in HOT.items() for module in modules]
    checks = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={work}/cache"]
    extensions = mypycify(
        [*checks, *files],
        opt_level=os.environ.get("O", "2"),
        debug_level="0",
        separate=os.environ.get("SEP", "1") == "1",
        multi_file=os.environ.get("SEP", "1") != "1",
        target_dir=f"{work}/c",
    )
    command = build_ext(Distribution({"name": "meshui", "ext_modules": extensions}))
    command.build_lib, command.build_temp, command.parallel = f"{work}/lib", f"{work}/o", os.cpu_count()
    command.ensure_finalized()
    command.run()


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if "error" in line.lower()]
    return (lines or output.split("\n") or ["no reason given"])[-1]


def _say(what: str) -> None:
    print(f"The proxies' hot modules {what}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
