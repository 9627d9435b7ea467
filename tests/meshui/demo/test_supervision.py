"""The supervision of the demo, with small stand-ins for its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meshui.config.datadir import DataDir
from meshui.config.launch import command_line
from meshui.demo.environment import ROOT, DemoError
from meshui.demo.processes import Group, Process
from meshui.demo.supervision import Supervisor, wait_for_former
from tests.support.poll import until

SLEEP = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); [signal.pause() for _ in iter(int, 1)]"
NESTED = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def python(name: str, code: str, group: Group = Group.APPS) -> Process:
    return Process(name, group, command_line([sys.executable, "-c", code]))


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "its data")


@pytest.fixture
def supervisor(data: DataDir) -> Iterator[Supervisor]:
    made = Supervisor(data, [python("one", SLEEP), python("two", SLEEP, Group.LOAD)], os.environ)
    yield made
    made.close()


def running(supervisor: Supervisor, name: str) -> int:
    return next(info["pid"] for info in supervisor._infos() if info["name"] == name)


def test_starts_only_what_it_is_told(supervisor: Supervisor) -> None:
    supervisor.open()
    supervisor.start(Group.APPS)
    assert psutil.pid_exists(until(lambda: running(supervisor, "one"), "one runs"))
    assert running(supervisor, "two") == 0


def test_what_dies_is_started_again_and_said_in_one_line(supervisor: Supervisor) -> None:
    supervisor.open()
    supervisor.start(Group.APPS)
    first = until(lambda: running(supervisor, "one"), "one runs")
    supervisor.remember()
    os.kill(first, signal.SIGKILL)
    lines = until(lambda: list(supervisor.deaths()), "the death is said")
    assert len(lines) == 1
    assert lines[0].startswith("one died and was started again (pid ")
    assert running(supervisor, "one") != first
    assert list(supervisor.deaths()) == []


def test_what_cannot_start_fails_the_stage_with_its_log(data: DataDir) -> None:
    supervisor = Supervisor(data, [python("broken", "raise SystemExit('no such thing')")], os.environ)
    try:
        supervisor.open()
        supervisor.start(Group.APPS)
        with pytest.raises(DemoError, match=r"broken did not start within 2 s") as caught:
            supervisor.wait(lambda: False, "broken", 2)
        assert caught.value.log is not None
        assert "no such thing" in caught.value.log.read_text()
        assert caught.value.mend
    finally:
        supervisor.close()


def test_close_leaves_no_process_not_even_a_stubborn_one(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshui.demo.supervision.STOP_WAIT_S", 1)
    before = set(psutil.Process().children(recursive=True))
    supervisor = Supervisor(data, [python("stubborn", STUBBORN), python("nested", NESTED)], os.environ)
    supervisor.open()
    supervisor.start(Group.APPS)
    pid = until(lambda: running(supervisor, "nested"), "nested runs")
    until(lambda: psutil.Process(pid).children(), "its child runs")
    others = set(psutil.Process().children(recursive=True)) - before
    assert len(others) == 4, "supervisord, the two, and the child of one"
    supervisor.close()
    until(lambda: not any(process.is_running() for process in others), "all are gone")


def test_kill_9_of_the_parent_ends_its_children(data: DataDir) -> None:
    program = f"""
        import os, signal, sys
        from pathlib import Path
        from meshui.config.datadir import DataDir
        from meshui.config.launch import command_line
        from meshui.demo.processes import Group, Process
        from meshui.demo.supervision import Supervisor
        child = Process("one", Group.APPS, command_line([sys.executable, "-c", {SLEEP!r}]))
        supervisor = Supervisor(DataDir(Path({str(data.path)!r})), [child], os.environ)
        supervisor.open()
        supervisor.start(Group.APPS)
        print("up", flush=True)
        signal.pause()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    family = until(lambda: (f := psutil.Process(parent.pid).children(recursive=True))[1:] and f, "the child runs")
    parent.kill()
    parent.communicate()
    until(lambda: not any(p.is_running() for p in family), "all are gone")
    wait_for_former(data)


def test_a_folder_that_supervisord_would_misread_is_refused(tmp_path: Path) -> None:
    supervisor = Supervisor(DataDir(tmp_path / "100%"), [], os.environ)
    with pytest.raises(DemoError, match="cannot be told of"):
        supervisor.open()


def test_a_second_copy_on_the_same_folder_is_refused(
    supervisor: Supervisor, data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.open()
    monkeypatch.setattr("meshui.demo.supervision.STOP_DEADLINE_S", 0.2)
    with pytest.raises(DemoError, match="another copy runs on the data folder"):
        wait_for_former(data)


def test_bare_children_see_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHUI_CA_KEY", "secret")
    show = [sys.executable, "-c", "import os; print(os.environ)"]
    bare = subprocess.run(command_line(show, bare=True), capture_output=True, text=True, check=True).stdout
    full = subprocess.run(command_line(show), capture_output=True, text=True, check=True).stdout
    assert "MESHUI_CA_KEY" not in bare
    assert "PATH" in bare
    assert "MESHUI_CA_KEY" in full
