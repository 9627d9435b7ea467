"""The command line of a proxy that joins a control plane: ``python -m proxies run --join URL ...``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from proxies.core.addresses import ACCESS_LOG_HELP, STDOUT, address, loopback, workers
from proxies.wire.base import Locality, Weight
from proxies.wire.resources import (
    GatewayCertificate,
    GatewayListener,
    InboundListener,
    Listener,
    OutboundListener,
    TcpListener,
)

Address = tuple[str, int]
UNKNOWN = "unknown/unknown"
"""Stands where a listener names its service, which only the control plane knows before the proxy has joined."""
TOKEN = "MESHUI_JOIN_TOKEN"  # noqa: S105
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Options:
    """``token_file`` or the environment's token is read when joining only."""

    url: str
    ca_file: str
    name: str
    state: Path
    token_file: Path | None
    inbound: Address | None
    app: Address | None
    outbound: Address | None
    tcp: list[TcpListener]
    gateway: Address | None
    gateway_tls: list[GatewayCertificate]
    admin: Address | None
    dns: Address | None
    log_level: str
    access_log: str = STDOUT
    workers: int = 1
    transparent: Sequence[Address] = ()
    egress: Literal["allow", "deny"] = "deny"
    node: bool = False
    """Whether its process serves other services too."""
    service: str = ""
    """Whom it takes itself for; empty: whomever the token is for."""
    locality: str = ""
    """Where it runs, as a path such as ``region/zone``; empty: not known."""
    weight: int = 100
    """Of its instance among the others of its version, 1 to 1000."""

    def listeners(self) -> list[Listener]:
        """What the proxy asks to listen on."""
        listeners: list[Listener] = []
        if self.inbound and self.app:
            (host, port), (app_host, app_port) = self.inbound, self.app
            listeners.append(
                InboundListener(address=host, port=port, service=UNKNOWN, app_address=app_host, app_port=app_port)
            )
        if self.outbound:
            listeners.append(OutboundListener(address=self.outbound[0], port=self.outbound[1], egress=self.egress))
        for host, port in self.transparent:
            listeners.append(OutboundListener(address=host, port=port, egress=self.egress, transparent=True))
        listeners += self.tcp
        if self.gateway:
            address, port = self.gateway
            listeners.append(GatewayListener(address=address, port=port, hosts=[], tls=self.gateway_tls))
        return listeners

    def admin_text(self) -> str:
        """The admin address as the control plane is told; empty where there is none."""
        if self.admin is None:
            return ""
        host, port = self.admin
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def token(self, env: Mapping[str, str] = os.environ) -> str:
        """The join token, from its file or else the environment; empty where there is none. Raises OSError."""
        if self.token_file is not None and self.token_file.exists():
            return self.token_file.read_text().strip()
        return env.get(TOKEN, "").strip()


def parse(words: Sequence[str]) -> Options:
    """The options after ``run``. Exits with status 2 and a message where they are wrong."""
    parser = _parser()
    found = parser.parse_args(words)
    if (found.inbound is None) != (found.app is None):
        parser.error("--inbound and --app belong together")
    if found.gateway_tls and not found.gateway:
        parser.error("--gateway-tls belongs to --gateway")
    if not (found.inbound or found.outbound or found.transparent or found.tcp or found.gateway):
        parser.error("nothing to listen on: give --inbound and --app, --outbound, --transparent, --tcp, or --gateway")
    return Options(
        url=found.join,
        ca_file=str(found.control_plane_ca or ""),
        name=found.name,
        state=found.state,
        token_file=found.token_file,
        inbound=found.inbound,
        app=found.app,
        outbound=found.outbound,
        transparent=found.transparent,
        egress=found.egress,
        tcp=found.tcp,
        gateway=found.gateway,
        gateway_tls=[
            GatewayCertificate(
                hosts=hosts.lower().split(","),
                certificate_file=os.path.abspath(certificate),
                key_file=os.path.abspath(key),
            )
            for hosts, certificate, key in found.gateway_tls
        ],
        admin=found.admin,
        dns=found.dns,
        log_level=found.log_level,
        access_log=found.access_log,
        workers=found.workers,
        locality=found.locality,
        weight=found.weight,
    )


def tcp_listener(text: str) -> TcpListener:
    """Read ``namespace/name=ADDRESS:PORT``. Raises ArgumentTypeError."""
    service, _, where = text.partition("=")
    try:
        host, port = address(where)
        return msgspec.convert({"kind": "tcp", "service": service, "address": host, "port": port}, TcpListener)
    except ValueError as error:  # ValidationError is one
        raise argparse.ArgumentTypeError(f"{text!r} is not SERVICE=ADDRESS:PORT: {error}") from error


def locality(text: str) -> str:
    """Read ``region/zone``. Raises ArgumentTypeError."""
    try:
        return msgspec.convert(text, Locality)
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError(f"{text!r} is no path of lower-case names such as region/zone") from None


def weight(text: str) -> int:
    """Read 1 to 1000. Raises ArgumentTypeError."""
    try:
        return msgspec.convert(text, Weight, strict=False)
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError(f"{text!r} is no weight from 1 to 1000") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proxies run",
        description="A proxy that joins a control plane, follows its configuration and reports to it.",
        epilog=f"The join token comes from --token-file or the environment variable {TOKEN}; "
        "once joined, the state folder is enough.",
        allow_abbrev=False,
    )
    agent_arguments(parser)
    add = parser.add_argument
    add("--token-file", type=Path, metavar="FILE", help="holds the join token; not needed once joined")
    add("--name", required=True, help="this proxy's name, unique within its service")
    add("--inbound", type=address, metavar="ADDRESS:PORT", help="where to receive for the app")
    add("--app", type=address, metavar="ADDRESS:PORT", help="where the app listens")
    add("--outbound", type=address, metavar="ADDRESS:PORT", help="where the app calls other services")
    add(
        "--transparent",
        type=loopback,
        action="append",
        default=[],
        metavar="ADDRESS:PORT",
        help="where `intercept` redirects the app's connections to; on loopback; once for IPv4, once for IPv6",
    )
    add("--egress", choices=("allow", "deny"), default="deny", help="whether the app reaches hosts outside the mesh")
    add(
        "--tcp",
        type=tcp_listener,
        action="append",
        default=[],
        metavar="SERVICE=ADDRESS:PORT",
        help="where the app connects to a TCP service (shop/db=127.0.0.1:15432); may be repeated",
    )
    add("--gateway", type=address, metavar="ADDRESS:PORT", help="where to receive from outside the mesh")
    add(
        "--gateway-tls",
        nargs=3,
        action="append",
        default=[],
        metavar=("HOSTS", "CERT", "KEY"),
        help="speak TLS at the gateway: hosts (a.example,*.b.example) and the PEM files for them; may be repeated",
    )
    add(
        "--dns",
        type=loopback,
        metavar="ADDRESS:PORT",
        help="where to answer names under .mesh for the app; on loopback",
    )
    add("--weight", type=weight, default=100, metavar="N", help="share among the instances of its version (100)")
    add("--workers", type=workers, default=1, metavar="N", help="processes that share the ports and are one proxy")
    return parser


def agent_arguments(parser: argparse.ArgumentParser) -> None:
    """What every proxy that joins is told."""
    add = parser.add_argument
    add("--join", metavar="URL", type=_control_plane, required=True, help="the control plane")
    add(
        "--control-plane-ca",
        type=Path,
        metavar="FILE",
        help="PEM authorities to verify an https:// control plane and a rediss:// Redis by",
    )
    add("--state", type=Path, metavar="DIR", required=True, help="key, certificate and last good configuration")
    add("--admin", type=address, metavar="ADDRESS:PORT", help="where to serve /metrics, /ready and /config")
    add(
        "--locality",
        type=locality,
        default="",
        metavar="REGION/ZONE",
        help="where it runs: callers prefer what is near",
    )
    add("--log-level", choices=LEVELS, default="info")
    add("--access-log", metavar="FILE", default=STDOUT, help=ACCESS_LOG_HELP)


def _control_plane(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError("takes an http:// or https:// URL")
    return url
