from __future__ import annotations

import hashlib
import os
import sys
from time import monotonic

import pytest

from meshui.security import command_key
from meshui.security.command_key import run
from meshui.security.errors import AuthorityUnavailable


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_it_gets_the_bytes_and_its_answer_is_taken() -> None:
    data = os.urandom(200_000)
    echo = "import sys, hashlib; sys.stdout.buffer.write(hashlib.sha256(sys.stdin.buffer.read()).digest())"
    assert run(script(echo), data) == hashlib.sha256(data).digest()


def test_it_sees_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHUI_CA_KEY", "secret")
    assert run(script("import os; print(sorted(os.environ))"), b"x").startswith(b"['")
    assert b"MESHUI" not in run(script("import os; print(sorted(os.environ))"), b"x")


def test_no_shell_reads_its_words() -> None:
    assert run([sys.executable, "-c", "import sys; print(sys.argv[1:])", "$HOME; id", "`id`"], b"x") == (
        b"['$HOME; id', '`id`']\n"
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nowhere/signer"], "cannot be started"),
        (script("raise SystemExit(3)"), "status 3"),
        (script("pass"), "status 0"),
        (script("import sys; sys.stdin.close(); print('x' * 5000)"), "more than 4096"),
        (script("import sys\nwhile True: sys.stderr.write('x' * 9999)"), "more than 4096"),
    ],
)
def test_what_goes_wrong_is_said(command: list[str], said: str) -> None:
    with pytest.raises(AuthorityUnavailable, match=said):
        run(command, b"x" * 100)


@pytest.mark.parametrize(
    "hang",
    [
        "import time; time.sleep(60)",
        "import sys, time; sys.stdout.close(); sys.stderr.close(); time.sleep(60)",
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])",
    ],
    ids=["silent", "closed", "left a child"],
)
def test_one_that_hangs_is_given_up(hang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_key, "TIMEOUT_S", 0.5)
    begun = monotonic()
    with pytest.raises(AuthorityUnavailable, match="did not answer"):
        run(script(hang), b"x")
    assert monotonic() - begun < 30
