"""The hint that tells web processes that delivery went on: at most once, whoever misses it reads the state."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

LIVE_CHANNEL = "mesh:live"


def live_hint(
    *, revisions: Collection[int] = (), proxies: Collection[str] = (), rollouts: Collection[int] = ()
) -> bytes:
    """What to publish on LIVE_CHANNEL: JSON ``{"revisions": [n...], "proxies": [id...], "rollouts": [id...]}`` of what
    changed."""
    changed = {"revisions": sorted(revisions), "proxies": sorted(proxies), "rollouts": sorted(rollouts)}
    return msgspec.json.encode(changed)
