"""Serving a resource file, without a control plane."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from proxies.core.check import check
from proxies.net.engine import Applied
from proxies.wire.resources import ProxyResource, Resource, ResourceError, decode_file

log = logging.getLogger("meshui.proxy")


class TlsFiles(NamedTuple):
    """PEM files: certificate chain (leaf first), private key, roots to trust."""

    certificate: Path
    key: Path
    roots: Path


def load(file: Path) -> list[Resource]:
    """Read and check a resource file. Raises ResourceError with the path of the offending field."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ResourceError(f"{file}: {error.strerror}") from error
    resources = decode_file(data)
    check(resources)
    return resources


class Configured(Protocol):
    """What is configured: an engine."""

    def apply(self, resource: Resource) -> None: ...
    def remove(self, key: str) -> None: ...
    def applied(self) -> Mapping[str, Applied]: ...
    def set_identity(self, certificate_chain: str, key: str, bundle: list[str]) -> None: ...


class FileConfiguration:
    """Keeps an engine in line with a file and the certificates beside it."""

    def __init__(self, engine: Configured, file: Path, tls: TlsFiles | None) -> None:
        self._engine = engine
        self._file = file
        self._tls = tls

    def apply(self) -> None:
        """Put the file into force, whole. Raises ResourceError, everything as it was."""
        resources = load(self._file)
        if self._tls is not None:
            self._apply_identity(self._tls)
        # The proxy resource binds ports, the one step that can fail after the check; so it comes first.
        for resource in sorted(resources, key=lambda r: not isinstance(r, ProxyResource)):
            self._engine.apply(resource)
        for key in self._engine.applied().keys() - {resource.key for resource in resources}:
            self._engine.remove(key)

    def reload(self) -> None:
        """As ``apply``; a file that is refused leaves the former one in force, and the log says why."""
        try:
            self.apply()
        except ResourceError as error:
            log.error("reload refused, the former configuration stays: %s", error)
        else:
            log.info("reloaded %s", self._file)

    def _apply_identity(self, tls: TlsFiles) -> None:
        try:
            chain, key, roots = (file.read_text() for file in tls)
        except OSError as error:
            raise ResourceError(f"{error.filename}: {error.strerror}") from error
        self._engine.set_identity(chain, key, [roots])
