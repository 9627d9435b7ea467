"""``manage.py open-snapshot FILE [--port 8000]``: servers in a temporary folder, the snapshot in them, the dashboard.

Nothing but the web process runs: no worker, no collector, nobody who would change what is shown. All of it is gone
when it ends. Runs before Django, as the demo does, because it makes the environment that the settings read.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from meshui.config import embedded
from meshui.demo import environment, processes
from meshui.demo.environment import DemoError, Options
from meshui.demo.processes import Group
from meshui.demo.runner import SERVER_DEADLINE_S, WEB_DEADLINE_S, fetch
from meshui.demo.stages import manage, run, say, stage
from meshui.demo.supervision import Supervisor
from meshui.snapshots.archive import VIEWER, Manifest, Reader, SnapshotError


def main(arguments: Sequence[str]) -> int:
    """Until told to stop. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="manage.py open-snapshot", description="Show a snapshot, read-only.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    for name in [name for name in os.environ if name.startswith("MESHUI_") or name in environment.SETTINGS]:
        del os.environ[name]  # what is shown has nothing to do with a mesh of this machine
    with tempfile.TemporaryDirectory(prefix="meshui-snapshot-") as folder:
        os.environ |= {"MESHUI_DATA_DIR": folder, "MESHUI_PORT": str(given.port)}
        return run(lambda options: Shown(options, given.file.absolute()))


class Shown:
    """A snapshot's dashboard."""

    def __init__(self, options: Options, file: Path) -> None:
        environment.check_ports(options.port)
        self._options, self._file = options, file
        self._manifest = _manifest(file)
        self._password = secrets.token_urlsafe(12)
        self._servers = [embedded.postgres(options.data, durable=False), embedded.valkey(options.data, durable=False)]
        urls = {server.name: server.url for server in self._servers}
        self._env = {
            **environment.control_plane(options, urls["postgres"], urls["valkey"]),
            "MESHUI_ENV": "production",
            "MESHUI_ADMIN_PASSWORD": self._password,
            "MESHUI_SNAPSHOT_AT": repr(self._manifest.taken_at.timestamp()),
            "MESHUI_SNAPSHOT_SINCE": repr(self._manifest.since.timestamp()),
        }
        web = [process for process in processes.control_plane(options.port, options.data.path) if process.name == "web"]
        self.supervisor = Supervisor(options.data, [*processes.servers(self._servers), *web], self._env)

    def start(self) -> None:
        """Every stage in order. Raises DemoError or EmbeddedError; the caller closes."""
        with stage("PostgreSQL and Valkey"):
            for server in self._servers:
                server.prepare()
            self.supervisor.open()
            self.supervisor.start(Group.SERVERS)
            for server in self._servers:
                self.supervisor.wait(server.ready, server.name, SERVER_DEADLINE_S)
        with stage("snapshot loaded"):
            log = self.supervisor.log("load")
            manage(log, self._env, ["load_snapshot", str(self._file)], "The file is damaged, or of another release.")
        with stage("dashboard answers"):
            self.supervisor.start(Group.CONTROL)
            self.supervisor.wait(self._answers, "web", WEB_DEADLINE_S, lambda: "did not answer")
        say(f"snapshot of {self._manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, by meshui {self._manifest.release}")
        say(f"meshui ready: {self._options.url} user {VIEWER} password {self._password}")

    def _answers(self) -> bool:
        return fetch(self._options.port, "GET", "/healthz")[0] == 200


def _manifest(file: Path) -> Manifest:
    try:
        return Reader(file).manifest
    except SnapshotError as error:
        raise DemoError(str(error), "Give a file that `manage.py snapshot` wrote.") from error
