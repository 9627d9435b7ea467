"""Real proxies that join the control plane under test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from django.db import connections

from meshui.catalog.services import join_token_create
from meshui.delivery.publish import push
from tests.conformance.harness import TIMEOUT_S, free_port
from tests.meshui.delivery.world import ACTOR
from tests.support.poll import until


class Process:
    """A proxy and its admin port."""

    def __init__(self, admin: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.admin = admin
        self.process = process
        self._log = log

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/{path}", timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def ready(self, name: str = "") -> bool:
        """Whether it serves, once more published what it waits for."""
        assert self.process.poll() is None, self.log()
        push()
        try:
            return self.page(f"ready/{name}" if name else "ready") == (200, "ready\n")
        except OSError:
            return False

    def count(self, page: str, metric: str, **labels: str) -> float:
        """The sum of a metric's samples that carry the labels."""
        total = 0.0
        for line in self.page(page)[1].splitlines():
            name, _, rest = line.partition("{" if "{" in line else " ")
            if name == metric and all(f'{key}="{value}"' in rest for key, value in labels.items()):
                total += float(rest.rpartition(" ")[2])
        return total

    def log(self) -> str:
        return self._log.read_text()


def token_file(folder: Path, service: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{service.replace('/', '-')}.token"
    file.write_text(join_token_create(actor=ACTOR, service=service, version="v1", uses=5)[1])
    return file


@contextmanager
def sidecar(url: str, folder: Path, service: str, *arguments: str) -> Iterator[Process]:
    """A proxy of one service."""
    name = service.rpartition("/")[2]
    words = ["--name", name, "--token-file", str(token_file(folder / name, service)), *arguments]
    with _running(url, folder / name, *words) as process:
        yield process


@contextmanager
def node(url: str, folder: Path, file: Path) -> Iterator[Process]:
    with _running(url, folder / "node", "--node", str(file)) as process:
        yield process


@contextmanager
def _running(url: str, folder: Path, *words: str) -> Iterator[Process]:
    folder.mkdir(parents=True, exist_ok=True)
    admin = free_port()
    command = [sys.executable, "-m", "proxies", "run", "--join", url, "--state", str(folder / "state")]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("ab"))
        environment = {key: value for key, value in os.environ.items() if key != "MESHUI_JOIN_TOKEN"}
        process = subprocess.Popen([*command, "--admin", f"127.0.0.1:{admin}", *words], stderr=log, env=environment)
        stack.callback(process.wait)
        stack.callback(process.kill)
        made = Process(admin, process, folder / "log")
        yield made


def write_node(file: Path, *entries: dict[str, Any]) -> None:
    file.write_text(json.dumps({"services": entries}))


def wait_ready(process: Process, name: str = "") -> None:
    until(lambda: process.ready(name), f"{name or 'the proxy'} serves")
    connections.close_all()
