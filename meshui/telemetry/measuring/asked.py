"""What a series is of. Pure."""

from __future__ import annotations

from msgspec import Struct

from meshui.telemetry.frames import EdgeKey
from meshui.telemetry.graph import is_visible


class Asked(Struct, frozen=True):
    """Which edges count: those into a service, or into the services of a namespace, one edge, or all; of one called
    version or of all. ``outgoing`` is for a gateway, which nobody calls: what it calls counts, by its own version.
    ``visible`` are the namespaces that may be seen, None for all."""

    service: str = ""
    namespace: str = ""
    edge: tuple[str, str] | None = None
    version: str = ""
    visible: frozenset[str] | None = None
    outgoing: bool = False

    def version_of(self, key: EdgeKey) -> str | None:
        """The version that an edge counts for (empty where versions are not told apart); None where it does not."""
        if not all(is_visible(name, self.visible) for name in (key.source, key.destination)):
            return None
        if self.edge and (key.source, key.destination) != self.edge:
            return None
        if self.namespace and key.destination.partition("/")[0] != self.namespace:
            return None
        if self.service and self.service != (key.source if self.outgoing else key.destination):
            return None
        version = key.source_version if self.outgoing else key.destination_version
        if self.version and version != self.version:
            return None
        return version if self.edge or self.service else ""
