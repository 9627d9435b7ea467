"""Every process of the demo as data: its command, its group, how it ends.

Knows command lines and ports; starts nothing.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from meshui.config.embedded import Server
from meshui.config.launch import command_line
from meshui.demo import topology
from meshui.demo.environment import ROOT, Options


class Group(IntEnum):
    """Processes that start and end together; ended from the last to the first."""

    SERVERS = 1
    CONTROL = 2
    APPS = 3
    SIDECARS = 4
    LOAD = 5


@dataclass(frozen=True)
class Process:
    """``command`` already ends with its parent (see launch.py)."""

    name: str
    group: Group
    command: list[str]
    stop: signal.Signals = signal.SIGTERM


def servers(prepared: list[Server]) -> Iterator[Process]:
    for server in prepared:
        yield Process(server.name, Group.SERVERS, server.command, server.stop)


def control_plane(port: int, schedule: Path) -> Iterator[Process]:
    """web, worker, beat and collector; these alone inherit the secrets in the environment."""
    celery = ["-m", "celery", "--app", "meshui.config", "--quiet"]
    commands = {
        "web": ["-m", "uvicorn", "meshui.config.asgi:application", "--host", "127.0.0.1", "--port", str(port),
                "--loop", "uvloop", "--http", "httptools", "--ws", "websockets", "--no-access-log",
                "--timeout-graceful-shutdown", "3"],
        "worker": [*celery, "worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "INFO",
                   "--without-gossip", "--without-mingle", "--without-heartbeat"],
        "beat": [*celery, "beat", "--schedule", str(schedule), "--pidfile=", "--loglevel", "WARNING"],
        "collector": [str(ROOT / "manage.py"), "collector"],
    }  # fmt: skip
    for name, arguments in commands.items():
        yield Process(name, Group.CONTROL, command_line([sys.executable, *arguments]))


PORTS = ("app", "inbound", "outbound", "admin")


def mesh_ports(options: Options) -> dict[str, int]:
    """``catalog-v1.inbound`` and so on: every port of the demo mesh, chosen once."""
    names = [f"{each.name}.{use}" for each in topology.instances() for use in PORTS]
    return options.data.ports([*names, "gateway.admin"])


def mesh(options: Options, ports: dict[str, int]) -> Iterator[Process]:
    """The services, a sidecar for each, the gateway, and the traffic."""
    for each in topology.instances():
        port = {use: ports[f"{each.name}.{use}"] for use in PORTS}
        yield _bare(
            f"app-{each.name}", Group.APPS, "-m", "meshui.demo.app",
            "--service", each.service.id, "--version", each.version,
            "--port", port["app"], "--outbound", port["outbound"], "--data-dir", options.data.path,
        )  # fmt: skip
        yield _bare(
            each.name, Group.SIDECARS, *_proxy(options, each.name),
            "--inbound", f"127.0.0.1:{port['inbound']}", "--app", f"127.0.0.1:{port['app']}",
            "--outbound", f"127.0.0.1:{port['outbound']}", "--admin", f"127.0.0.1:{port['admin']}",
        )  # fmt: skip
    yield _bare(
        "gateway", Group.SIDECARS, *_proxy(options, "gateway"),
        "--gateway", f"127.0.0.1:{options.gateway_port}", "--admin", f"127.0.0.1:{ports['gateway.admin']}",
    )  # fmt: skip
    if options.rps:
        yield _bare("load", Group.LOAD, "-m", "meshui.demo.load", "--port", options.gateway_port, "--rps", options.rps)


def token_file(data_dir: Path, proxy: str) -> Path:
    """The join token that the seed leaves for a proxy which has not joined yet."""
    return data_dir / "demo" / "tokens" / proxy


def state_dir(data_dir: Path, proxy: str) -> Path:
    """Where a proxy keeps its key, its certificate and its last good configuration."""
    return data_dir / "demo" / "proxies" / proxy


def _proxy(options: Options, name: str) -> list[object]:
    data_dir = options.data.path
    return [
        "-m", "proxies", "run", "--join", options.url, "--name", name,
        "--token-file", token_file(data_dir, name), "--state", state_dir(data_dir, name),
    ]  # fmt: skip


def _bare(name: str, group: Group, *arguments: object) -> Process:
    command = [sys.executable, *(str(argument) for argument in arguments)]
    return Process(name, group, command_line(command, bare=True))
