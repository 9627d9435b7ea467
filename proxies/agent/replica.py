"""What this proxy holds of the mesh: which resource counts, which is old, which was refused. No I/O.

Bytes come in from hints, from reads and from disk, in any order and repeatedly; the outcome is the same. Per resource,
``(epoch, revision)`` orders and ``version`` (a content hash) says whether there is anything to do.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from proxies.agent.engine import Applier
from proxies.wire.reports import Ack
from proxies.wire.resources import (
    DirectoryResource,
    ProxyResource,
    Resource,
    ResourceError,
    TrustResource,
    decode,
    resource_key,
)

log = logging.getLogger(__name__)

TRUST = "trust"
DIRECTORY = "directory"
SHARED = (TRUST, DIRECTORY)
"""What every proxy holds, and first: the directory says what else there is."""
BY_SERVICE = ("service", "endpoints")
"""The kinds that exist once for each service of the directory."""


class Stamp(Struct, frozen=True):
    """The head of an envelope, readable where its body is not."""

    epoch: int = 0
    revision: int = 0
    version: str = ""

    @property
    def order(self) -> tuple[int, int]:
        return (self.epoch, self.revision)


@dataclass(slots=True)
class Entry:
    """``seen`` is the newest that arrived; ``data`` is what is in force, of content ``version``; ``refused`` is the
    content that the engine would not take, and ``ack`` what was said last."""

    seen: tuple[int, int] = (0, 0)
    data: bytes = b""
    version: str = ""
    refused: str = ""
    error: str = ""
    ack: Ack | None = None


_stamp = msgspec.msgpack.Decoder(Stamp)


class Replica:
    """The followed resources and the engine that they are applied to."""

    def __init__(self, engine: Applier, *, proxy_id: str, service: str, clock: Callable[[], float]) -> None:
        """``clock`` gives Unix seconds, for acknowledgements."""
        self._engine = engine
        self.proxy_id = proxy_id
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._services: frozenset[str] = frozenset()
        self.own = (resource_key("inbound", service), resource_key("proxy", proxy_id))
        """This proxy's own resources, in the order to apply them in: its listeners open last."""

    # --- what comes in

    def offer(self, key: str, data: bytes) -> Ack | None:
        """Take or refuse one resource; what to tell the control plane, or None where there is nothing new."""
        if not self.follows(key):
            return None
        entry = self._entries.get(key, Entry())
        if data == entry.data:
            return None
        resource, stamp, error = _read(key, data, entry.seen)
        if stamp.order < entry.seen:
            return None
        if stamp.order == entry.seen and stamp.version == (entry.refused or entry.version):
            return None
        self._entries[key] = entry
        entry.seen = stamp.order
        if stamp.version == entry.refused:
            error = entry.error
        elif resource is not None and stamp.version != entry.version:
            error = self._apply(resource)
        if resource is None or error:
            entry.refused, entry.error = stamp.version, error
            log.error("refused %s: %s", key, error)
        else:
            entry.data, entry.version, entry.refused, entry.error = data, stamp.version, "", ""
            listening = self._entries.get(self.own[1])
            if key == self.own[0] and listening is not None:
                listening.refused = ""  # it may be for want of this that it was refused
        entry.ack = self._ack(key, stamp, error)
        return entry.ack

    def restore(self, saved: Mapping[str, bytes]) -> None:
        """Apply what was in force before a restart; the proxy's own listeners last."""
        for key in SHARED:
            if key in saved:
                self.offer(key, saved[key])
        for key in self.particular():
            if key in saved:
                self.offer(key, saved[key])

    # --- what is followed

    def follows(self, key: str) -> bool:
        kind, _, name = key.partition(":")
        return key in (*SHARED, *self.own) or (kind in BY_SERVICE and name in self._services)

    def particular(self) -> list[str]:
        """Every key that is followed beside the shared ones, in the order to apply them in."""
        return [*by_service(self._services), *self.own]

    def lacking(self) -> list[str]:
        """The keys of listed services that never arrived."""
        return [key for key in by_service(self._services) if key not in self._entries]

    # --- what there is

    def contents(self) -> dict[str, bytes]:
        """What is in force, for keeping."""
        return {key: entry.data for key, entry in self._entries.items() if entry.data}

    def bundle(self) -> list[str]:
        """The roots of the trust resource in force; empty where none is."""
        resource = self._in_force(TRUST)
        return list(resource.body.bundle) if isinstance(resource, TrustResource) else []

    def renewal(self) -> str:
        """The serial of the certificate that is to be renewed at once; empty where none is."""
        resource = self._in_force(self.own[1])
        return resource.body.renew if isinstance(resource, ProxyResource) else ""

    def _in_force(self, key: str) -> Resource | None:
        entry = self._entries.get(key)
        return decode(entry.data) if entry is not None and entry.data else None

    def acks(self, since: float) -> list[Ack]:
        """What was said of each resource since then (Unix seconds), to be said again."""
        said = (entry.ack for entry in self._entries.values())
        return [ack for ack in said if ack is not None and ack.applied_at >= since]

    def refused(self) -> int:
        """How many resources stay behind what is published."""
        return sum(bool(entry.refused) for entry in self._entries.values())

    # --- inside

    def _apply(self, resource: Resource) -> str:
        inbound = self._entries.get(self.own[0])
        if resource.key == self.own[1] and inbound is not None and inbound.refused and not inbound.data:
            return f"{self.own[0]} was refused, and without it there is no telling who may call"
        try:
            self._engine.apply(resource)
        except ResourceError as error:
            return str(error) or "refused"
        except Exception as error:  # a fault of the engine; what follows must still be applied, and this be known
            log.exception("the engine failed on %s", resource.key)
            return f"{type(error).__name__}: {error}"
        if isinstance(resource, DirectoryResource):
            self._list(frozenset(resource.body.services))
        return ""

    def _list(self, services: frozenset[str]) -> None:
        """Let go of the services that the directory no longer lists."""
        for key in by_service(self._services - services):
            entry = self._entries.pop(key, None)
            if entry is not None and entry.data:
                self._engine.remove(key)
        self._services = services

    def _ack(self, key: str, stamp: Stamp, error: str) -> Ack:
        return Ack(
            resource=key,
            epoch=stamp.epoch,
            revision=stamp.revision,
            version=stamp.version,
            status="nack" if error else "ack",
            error=error[:1000],
            applied_at=self._clock(),
        )


def by_service(services: Iterable[str]) -> list[str]:
    """The keys of these services, in a stable order."""
    return [f"{kind}:{service}" for service in sorted(services) for kind in BY_SERVICE]


def _read(key: str, data: bytes, seen: tuple[int, int]) -> tuple[Resource | None, Stamp, str]:
    """The resource, its stamp, and why it cannot be one. Bytes without a readable stamp count as of ``seen``."""
    digest = hashlib.sha256(data).hexdigest()[:16]
    try:
        resource = decode(data)
        if resource.key != key:
            raise ResourceError(f"it names itself {resource.key}")
        return resource, Stamp(resource.epoch, resource.revision, resource.version or digest), ""
    except ResourceError as error:
        try:
            stamp = _stamp.decode(data)
        except msgspec.DecodeError:
            stamp = Stamp(*seen)
        return None, msgspec.structs.replace(stamp, version=stamp.version or digest), str(error)
