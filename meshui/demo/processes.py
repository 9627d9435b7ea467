"""Every process of the demo as data: its command, its group, how it ends.

Knows command lines and ports; starts nothing.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
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
    MONITORING = 6


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


def mesh_ports(options: Options) -> dict[str, dict[str, int]]:
    """The ports of every proxy and its app by the proxy's name, chosen once: ``inbound, app, outbound, admin, dns``."""
    uses = ("inbound", "app", "outbound", "admin", "dns")
    names = [each.name for each in topology.instances()]
    chosen = options.data.ports([*(f"{name}.{use}" for name in names for use in uses), "gateway.admin"])
    ports = {name: {use: chosen[f"{name}.{use}"] for use in uses} for name in names}
    ports[topology.GATEWAY_NAME] = {"gateway": options.gateway_port, "admin": chosen["gateway.admin"]}
    return ports


def mesh(options: Options, ports: Mapping[str, Mapping[str, int]]) -> Iterator[Process]:
    """The services, a sidecar for each, the gateway, and the traffic."""
    for each in topology.instances():
        port = ports[each.name]
        yield _bare(
            f"app-{each.name}", Group.APPS, "-m", "meshui.demo.app",
            "--service", each.service.id, "--version", each.version,
            "--port", port["app"], "--outbound", port["outbound"], "--data-dir", options.data.path,
        )  # fmt: skip
        yield _proxy(options, each.name, port)
    yield _proxy(options, topology.GATEWAY_NAME, ports[topology.GATEWAY_NAME])
    if options.rps:
        yield _bare("load", Group.LOAD, "-m", "meshui.demo.load", "--port", options.gateway_port, "--rps", options.rps)


def token_file(data_dir: Path, proxy: str) -> Path:
    """The join token that the seed leaves for a proxy which has not joined yet."""
    return data_dir / "demo" / "tokens" / proxy


def state_dir(data_dir: Path, proxy: str) -> Path:
    """Where a proxy keeps its key, its certificate and its last good configuration."""
    return data_dir / "demo" / "proxies" / proxy


def _proxy(options: Options, name: str, ports: Mapping[str, int]) -> Process:
    data_dir = options.data.path
    listeners = [part for use, port in ports.items() for part in (f"--{use}", f"127.0.0.1:{port}")]
    return _bare(
        name, Group.SIDECARS, "-m", "proxies", "run", "--join", options.url, "--name", name,
        "--token-file", token_file(data_dir, name), "--state", state_dir(data_dir, name), *listeners,
    )  # fmt: skip


def _bare(name: str, group: Group, *arguments: object) -> Process:
    command = [sys.executable, *(str(argument) for argument in arguments)]
    return Process(name, group, command_line(command, bare=True))
