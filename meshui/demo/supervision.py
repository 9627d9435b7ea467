"""Keeps processes running: supervisord as a child, told over its loopback RPC what to start and to stop.

It restarts what dies, with back-off, and rotates the logs; this module writes its configuration, speaks to it, and
says in one line what died. Every child ends with it, and it ends with us, even by kill -9 (see launch.py).
"""

from __future__ import annotations

import http.client
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from meshui.config.datadir import DataDir, write_private
from meshui.config.launch import command_line
from meshui.demo.environment import ROOT, DemoError
from meshui.demo.processes import Group, Process

LOG_BYTES = 2 * 1024 * 1024
START_DEADLINE_S = 15
STOP_DEADLINE_S = 25
STOP_WAIT_S = 8
"""After this long a process that was asked to stop is killed."""
STEADY_S = 3
"""A process that lives this long has started; one that dies sooner is started again after 1, 2, 3 ... s."""
RETRIES = 30

STOPPED, RUNNING, FATAL = 0, 20, 200
"""supervisord's process states that we act on."""


class Supervisor:
    """Runs ``processes``; none of them starts before it is told to."""

    def __init__(self, data: DataDir, processes: Iterable[Process], env: Mapping[str, str]) -> None:
        self._processes = list(processes)
        self._folder = data.folder("supervisor")
        self._logs = data.folder("logs")
        self._port = data.ports(["supervisor"])["supervisor"]
        self._password = secrets.token_urlsafe()
        self._env = dict(env)
        self._child: subprocess.Popen[bytes] | None = None
        self._pids: dict[str, int] = {}
        self._given_up: set[str] = set()

    def open(self) -> None:
        """Start supervisord and wait until it answers."""
        config = self._folder / "supervisord.conf"
        write_private(config, self._configuration())
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "supervisor.supervisord",
            "--nodaemon",
            "--configuration",
            config,
        ]
        with open(self.log("supervisord"), "ab") as log:
            self._child = subprocess.Popen(  # noqa: S603
                command_line(command), cwd=ROOT, env=self._env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; we end the others in order
            )  # fmt: skip
        self.wait(self._answers, "supervisord", START_DEADLINE_S)

    def start(self, *groups: Group) -> None:
        for group in groups:
            self._rpc.supervisor.startProcessGroup(group.name, False)

    def wait(
        self,
        condition: Callable[[], bool],
        name: str,
        deadline_s: float,
        what: Callable[[], str] = lambda: "did not start",
    ) -> None:
        """Until ``condition`` holds. Raises DemoError naming the process, when it was given up or time is over."""
        deadline = time.monotonic() + deadline_s
        while not condition():
            if self._child is None or self._child.poll() is not None:
                raise DemoError("supervisord ended", "See its log.", self.log("supervisord"))
            late = time.monotonic() > deadline
            if late or (name != "supervisord" and self._state(name) == FATAL):
                raise DemoError(
                    f"{name} {what()}{f' within {deadline_s:.0f} s' if late else ''}",
                    "The lines above are the end of its log.",
                    self.log(name),
                )
            time.sleep(0.1)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def remember(self) -> None:
        """From here on ``deaths`` tells what changed."""
        self._pids = {info["name"]: info["pid"] for info in self._infos()}

    def deaths(self) -> Iterator[str]:
        """One line for every process that died since the last look. Raises DemoError when supervisord itself did."""
        try:
            infos = self._infos()
        except (OSError, http.client.HTTPException) as error:
            raise DemoError("supervisord ended, and every process with it", "Start again.") from error
        for info in infos:
            name, pid = info["name"], info["pid"]
            if info["state"] == FATAL:
                if name not in self._given_up:
                    self._given_up.add(name)
                    yield f"{name} keeps dying and was given up; its log: {self.log(name)}"
            elif pid and pid != self._pids.get(name):
                if name in self._pids:
                    yield f"{name} died and was started again (pid {pid}); its log: {self.log(name)}"
                self._pids[name] = pid

    def close(self) -> None:
        """End every process, the traffic first and the servers last, then supervisord."""
        if self._child is None:
            return
        # Where it does not answer, it is gone or going, and its children go with it.
        with suppress(OSError, http.client.HTTPException, Fault):
            self._stop_groups(set(Group) - {Group.SERVERS})
            self._stop_groups({Group.SERVERS})
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None

    # supervisord

    @property
    def _rpc(self) -> Any:
        return ServerProxy(f"http://meshui:{self._password}@127.0.0.1:{self._port}/RPC2")

    def _answers(self) -> bool:
        try:
            return bool(self._rpc.supervisor.getState()["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException):
            return False

    def _infos(self) -> list[dict[str, Any]]:
        infos: list[dict[str, Any]] = self._rpc.supervisor.getAllProcessInfo()
        return infos

    def _state(self, name: str) -> int:
        return next((int(info["state"]) for info in self._infos() if info["name"] == name), RUNNING)

    def _stop_groups(self, groups: set[Group]) -> None:
        """Stop them all at the same time, asking the last first, and wait until they have ended."""
        present = sorted(groups & {process.group for process in self._processes}, reverse=True)
        for group in present:
            self._rpc.supervisor.stopProcessGroup(group.name, False)
        names = {group.name for group in present}
        deadline = time.monotonic() + STOP_WAIT_S + 2
        while time.monotonic() < deadline:
            if not any(info["pid"] for info in self._infos() if info["group"] in names):
                return
            time.sleep(0.05)

    def _configuration(self) -> str:
        sections = [
            "[supervisord]", "nodaemon=true", "silent=true", "loglevel=info", "minfds=1024",
            f"logfile={_plain(str(self.log('supervisord')))}", f"logfile_maxbytes={LOG_BYTES}", "logfile_backups=1",
            f"pidfile={_plain(str(self._folder / 'supervisord.pid'))}",
            f"childlogdir={_plain(str(self._logs))}",
            *(["user=root"] if os.geteuid() == 0 else []),
            "[inet_http_server]", f"port=127.0.0.1:{self._port}", "username=meshui", f"password={self._password}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]  # fmt: skip
        groups: dict[Group, list[str]] = defaultdict(list)
        for process in self._processes:
            groups[process.group].append(process.name)
            sections += self._program(process)
        for group, names in groups.items():
            sections += [f"[group:{group.name}]", f"programs={','.join(names)}", f"priority={int(group)}"]
        return "\n".join(sections) + "\n"

    def _program(self, process: Process) -> list[str]:
        return [
            f"[program:{process.name}]",
            f"command={_plain(shlex.join(process.command))}",
            f"directory={_plain(str(ROOT))}",
            f"stdout_logfile={_plain(str(self.log(process.name)))}",
            f"stdout_logfile_maxbytes={LOG_BYTES}", "stdout_logfile_backups=1", "redirect_stderr=true",
            "autostart=false", "autorestart=true", f"startsecs={STEADY_S}", f"startretries={RETRIES}",
            f"stopsignal={process.stop.name.removeprefix('SIG')}", f"stopwaitsecs={STOP_WAIT_S}", "killasgroup=true",
            # PostgreSQL ends its own children, and would take our signal to them for a request to cancel a query.
            f"stopasgroup={'false' if process.group is Group.SERVERS else 'true'}",
        ]  # fmt: skip


def _plain(value: str) -> str:
    """A value that supervisord's configuration takes as it is: what it expands or cuts off cannot be escaped."""
    if any(mark in value for mark in ("%", " ;", " #", "\n")):
        raise DemoError(
            f"supervisord cannot be told of {value!r}", "Use folders with no '%', ' ;' or ' #' in their names."
        )
    return value


def wait_for_former(data: DataDir) -> None:
    """Until no other copy runs on this data folder: one that was killed may still be ending.

    Raises DemoError for one that lives on; it must be asked before anything in the folder is touched.
    """
    deadline = time.monotonic() + STOP_DEADLINE_S
    while _runs(data.path / "supervisor"):
        if time.monotonic() > deadline:
            raise DemoError(
                f"another copy runs on the data folder {data.path}",
                "Stop it, or choose another folder and other ports: MESHUI_DATA_DIR, MESHUI_PORT, MESHUI_GATEWAY_PORT.",
            )
        time.sleep(0.1)


def _runs(folder: Path) -> bool:
    try:
        pid = int((folder / "supervisord.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    return str(folder).encode() in command
