"""What a series is of. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshui.telemetry.frames import TCP, EdgeKey
from meshui.telemetry.graph import is_visible

Apart = Literal["version", "route", "instance"]
UNROUTED = "(unrouted)"
"""Requests that took no route: none matched, or they came from outside the mesh. No route has such a name."""


class Asked(Struct, frozen=True):
    """Which edges count: those into a service, or into the services of a namespace, one edge, or all; of one called
    version, of one route, or of all. ``outgoing`` is for a gateway, which nobody calls: what it calls counts, by its
    own version. ``by`` says what is told apart, of a service or an edge. With ``instance`` or by instance it is their
    own account that counts: what they received, or of a gateway's, what they called. ``visible`` are the namespaces
    that may be seen, None for all."""

    service: str = ""
    namespace: str = ""
    edge: tuple[str, str] | None = None
    version: str = ""
    route: str = ""
    instance: str = ""
    by: Apart = "version"
    visible: frozenset[str] | None = None
    outgoing: bool = False

    @property
    def own(self) -> bool:
        """Whether what instances counted by themselves is asked for."""
        return self.by == "instance" or bool(self.instance)

    def group_of(self, key: EdgeKey) -> str | None:
        """What an edge is told apart as (empty where it is not); None where it does not count."""
        if not self._counts(key):
            return None
        if not self.edge and not self.service:
            return ""
        if self.by == "instance":
            return key.instance
        if self.by == "route":
            return "" if key.protocol == TCP else key.route or UNROUTED
        return self._version(key)

    def _counts(self, key: EdgeKey) -> bool:
        return (
            all(is_visible(name, self.visible) for name in (key.source, key.destination))
            and (not self.edge or (key.source, key.destination) == self.edge)
            and (not self.namespace or key.destination.partition("/")[0] == self.namespace)
            and (not self.service or self.service == (key.source if self.outgoing else key.destination))
            and (not self.version or self.version == self._version(key))
            and (not self.route or self.route == (key.route or UNROUTED))
            and (not self.own or (key.source == "") != self.outgoing)
            and (not self.instance or self.instance == key.instance)
        )

    def _version(self, key: EdgeKey) -> str:
        return key.source_version if self.outgoing else key.destination_version
