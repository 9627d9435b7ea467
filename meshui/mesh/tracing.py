"""How much of the mesh's requests is traced."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Percent = Annotated[float, Meta(ge=0, le=100)]
TraceLink = Annotated[str, Meta(max_length=500, pattern=r"^(https?://\S*\{trace_id\}\S*)?$")]


class Tracing(Struct, frozen=True, kw_only=True):
    """``percent`` of the traces that begin in the mesh are kept, and all whose parent is; with ``errors`` also each
    request that failed. Where it is not ``enabled``, proxies make no spans. ``link`` is where people find a trace
    elsewhere, such as ``https://jaeger.example.com/trace/{trace_id}``; empty for nowhere."""

    enabled: bool = True
    percent: Percent = 1.0
    errors: bool = True
    link: TraceLink = ""
