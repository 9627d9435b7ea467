"""The hint that tells web processes that delivery went on: at most once, whoever misses it reads the state."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

LIVE_CHANNEL = "mesh:live"


def live_hint(*, revisions: Collection[int] = (), proxies: Collection[str] = ()) -> bytes:
    """What to publish on LIVE_CHANNEL: JSON ``{"revisions": [n...], "proxies": [id...]}`` of what changed."""
    return msgspec.json.encode({"revisions": sorted(revisions), "proxies": sorted(proxies)})
