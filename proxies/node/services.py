"""What a node proxy serves: its command line, and the file that names the services.

``{"services": [{"service": "shop/catalog", "name": "catalog-1", "token_file": "catalog.token", "inbound":
"10.0.0.5:15006", "app": "127.0.0.1:9000", "outbound": "127.0.0.1:15001", "tcp": ["shop/db=127.0.0.1:15432"]}]}``
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from proxies.agent.command import Address, Options, agent_arguments, tcp_listener
from proxies.core.addresses import address, loopback
from proxies.wire.base import Weight
from proxies.wire.resources import ResourceError, ServiceName

T = TypeVar("T")


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service on this host. Paths are relative to the file's folder."""

    service: ServiceName
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    token_file: str
    inbound: str = ""
    app: str = ""
    outbound: str = ""
    tcp: list[str] = field(default_factory=list)
    dns: str = ""
    weight: Weight = 100


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    services: Annotated[list[_Entry], Meta(min_length=1)]


class ServiceOptions(Options):
    """One service's: its token is its own, so the environment's, which is everybody's, does not count."""

    def token(self, env: Mapping[str, str] = os.environ) -> str:
        return super().token({})


@dataclass(frozen=True, slots=True)
class NodeOptions:
    url: str
    ca_file: str
    file: Path
    state: Path
    admin: Address | None
    log_level: str
    access_log: str
    locality: str = ""

    def services(self) -> dict[str, ServiceOptions]:
        """What the file says now, by name. Raises ResourceError with the path of the field at fault."""
        try:
            entries = msgspec.json.decode(self.file.read_bytes(), type=_File).services
        except OSError as error:
            raise ResourceError(f"{self.file}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise ResourceError(f"{self.file}: {error}") from error
        found = [self._options(f"{self.file}: services[{index}]", entry) for index, entry in enumerate(entries)]
        _check_unique(self.file, found)
        return {options.name: options for options in found}

    def _options(self, at: str, entry: _Entry) -> ServiceOptions:
        if bool(entry.inbound) != bool(entry.app):
            raise ResourceError(f"{at}.inbound: goes with app")
        if not (entry.inbound or entry.outbound or entry.tcp):
            raise ResourceError(f"{at}: has nothing to listen on")
        return ServiceOptions(
            url=self.url,
            ca_file=self.ca_file,
            name=entry.name,
            state=self.state / entry.name,
            token_file=self.file.parent / entry.token_file,
            inbound=_read(f"{at}.inbound", address, entry.inbound),
            app=_read(f"{at}.app", address, entry.app),
            outbound=_read(f"{at}.outbound", address, entry.outbound),
            tcp=[tcp for i, text in enumerate(entry.tcp) if (tcp := _read(f"{at}.tcp[{i}]", tcp_listener, text))],
            gateway=None,
            gateway_tls=[],
            admin=self.admin,
            dns=_read(f"{at}.dns", loopback, entry.dns),
            log_level=self.log_level,
            node=True,
            service=entry.service,
            locality=self.locality,
            weight=entry.weight,
        )


def parse(words: Sequence[str]) -> NodeOptions:
    """The options after ``run``. Exits with status 2 and a message where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m proxies run",
        description="A proxy for several services of a host; SIGHUP reads the file again.",
        allow_abbrev=False,
    )
    parser.add_argument("--node", type=Path, metavar="FILE", required=True, help="JSON that names the services")
    agent_arguments(parser)
    found = parser.parse_args(words)
    return NodeOptions(
        url=found.join,
        ca_file=str(found.control_plane_ca or ""),
        file=found.node.resolve(),
        state=found.state,
        admin=found.admin,
        log_level=found.log_level,
        access_log=found.access_log,
        locality=found.locality,
    )


def _read(at: str, read: Callable[[str], T], text: str) -> T | None:
    """None of nothing. Raises ResourceError."""
    try:
        return read(text) if text else None
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise ResourceError(f"{at}: {error}") from error


def _check_unique(file: Path, found: Sequence[ServiceOptions]) -> None:
    """Names are folders of the state, and an address tells whose traffic it is."""
    names = Counter(options.name for options in found)
    places = Counter((each.address, each.port) for options in found for each in options.listeners())
    for name in (name for name, count in names.items() if count > 1):
        raise ResourceError(f"{file}: two services are named {name!r}")
    for place in (place for place, count in places.items() if count > 1):
        raise ResourceError(f"{file}: two listeners at {place[0]}:{place[1]}")
