"""How much of the mesh's requests is traced."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Percent = Annotated[float, Meta(ge=0, le=100)]


class Tracing(Struct, frozen=True, kw_only=True):
    """``percent`` of the traces that begin in the mesh are kept, and all whose parent is; with ``errors`` also each
    request that failed. Where it is not ``enabled``, proxies make no spans."""

    enabled: bool = True
    percent: Percent = 1.0
    errors: bool = True
