"""The Redis keys and channels of the mesh: the one place where they are spelled."""

from __future__ import annotations

from zlib import crc32

RESOURCE_PREFIX = "mesh:res:"
HINT_PREFIX = "mesh:hint:"
REVISION = "mesh:revision"
"""``{epoch}:{revision}`` of the last publication, written in the same MULTI as its resources."""
ACK = "mesh:ack"
TELEMETRY_PREFIX = "mesh:telemetry:"
TELEMETRY_SHARDS = 8
TELEMETRY_MAXLEN = 20_000
ACK_MAXLEN = 200_000
FRAMES = "mesh:frames"
LIMIT_FUNCTION = "mesh_limit"
"""The server's function that counts against shared rate limits."""
CALLED_LIMITS = "mesh:limit:out:"
RECEIVED_LIMITS = "mesh:limit:in:"
"""Where shared counts stand: of a service's routes, which any caller counts, and of what its own proxies receive."""
TAP_PREFIX = "mesh:tap:"
RESYNC_S = 30
"""Seconds (with jitter) after which a proxy compares its state with what is published, hints or none."""
HINT_INLINE_MAX = 64 * 1024
"""A hint carries the resource's bytes up to this size; a larger one is empty and the follower reads the key."""


def resource(key: str) -> str:
    """Redis key of ``kind:name``."""
    return RESOURCE_PREFIX + key


def hint(key: str) -> str:
    """Channel of ``kind:name``."""
    return HINT_PREFIX + key


def telemetry(proxy_id: str) -> str:
    """The shard that a proxy reports to; stable for its id."""
    return f"{TELEMETRY_PREFIX}{crc32(proxy_id.encode()) % TELEMETRY_SHARDS}"


def tap(service: str) -> str:
    """The channel on which the proxies of a service are ordered to copy requests (``proxies.wire.taps``)."""
    return TAP_PREFIX + service


def limit(service: str, route: str, name: str, key: str) -> str:
    """Where a shared limit of a service counts what has this ``key``; ``route`` is empty for what it receives."""
    return f"{CALLED_LIMITS}{service}:{route}:{name}:{key}" if route else f"{RECEIVED_LIMITS}{service}:{name}:{key}"
