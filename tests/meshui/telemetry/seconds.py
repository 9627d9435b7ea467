"""Frames made by hand, for what reads a window."""

from __future__ import annotations

from meshui.telemetry.fold import Fold, Identity
from meshui.telemetry.frames import encode
from meshui.telemetry.registry import load_registry
from meshui.telemetry.window import Window
from proxies.wire.reports import EdgeDelta, Telemetry
from tests.meshui.telemetry.mesh import proxy_of


def second(frames: Window, at: float, **edges: list[EdgeDelta]) -> None:
    """Append one frame: edges by source service, ``shop_frontend=[...]``."""
    frames.append(at, frame_bytes(at, **edges))


def frame_bytes(at: float, **edges: list[EdgeDelta]) -> bytes:
    fold, registry = Fold(), load_registry()
    for source, calls in edges.items():
        service = source.replace("_", "/")
        report = Telemetry(proxy=proxy_of(service), boot=1, seq=int(at), at=at, edges=calls)
        fold.add(report, Identity(service, "v1"), registry)
    return encode(fold.frame(at))
