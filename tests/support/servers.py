"""PostgreSQL and Valkey for one test session, in a folder and on ports of its own.

Their addresses are exported before Django reads its settings; they start when the first test asks for them. Where
DATABASE_URL or REDIS_URL is set, that server is used instead.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from meshui.config import embedded
from meshui.config.datadir import DataDir

START_DEADLINE_S = 30


class TestServers:
    """``export`` first, then ``start`` and ``stop``; each may be called again without effect."""

    __test__ = False

    def __init__(self) -> None:
        self._made: DataDir | None = None
        self._servers: dict[str, embedded.Server] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def export(self) -> None:
        """Set what the settings read, where the environment does not say it already."""
        for name in ("MESHUI_SECRET_KEY", "MESHUI_CA_KEY", "MESHUI_REPORT_KEY"):
            os.environ.setdefault(name, base64.b64encode(secrets.token_bytes(32)).decode())
        os.environ.setdefault("MESHUI_ENV", "demo")
        for variable, make in (("DATABASE_URL", embedded.postgres), ("REDIS_URL", embedded.valkey)):
            if variable not in os.environ:
                server = make(self._data(), durable=False)
                self._servers[server.name] = server
                os.environ[variable] = server.url
        os.environ.setdefault("MESHUI_DATA_DIR", str(self._data().path))

    def start(self) -> None:
        for name, server in self._servers.items():
            if name not in self._running:
                server.prepare()
                log = (self._data().path / f"{name}.log").open("wb")
                self._running[name] = subprocess.Popen(server.command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_DEADLINE_S
        for name, server in self._servers.items():
            while not server.ready():
                if self._running[name].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start: {(self._data().path / f'{name}.log').read_text()}")
                time.sleep(0.02)

    def stop(self) -> None:
        for name, process in self._running.items():
            process.send_signal(self._servers[name].stop)
        for process in self._running.values():
            process.wait(30)
        self._running.clear()
        if self._made:
            shutil.rmtree(self._made.path)
            self._made = None

    def _data(self) -> DataDir:
        if self._made is None:
            self._made = DataDir(Path(tempfile.mkdtemp(prefix="meshui-test-")))
        return self._made
