"""A service's split as SMI's TrafficSplit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshui.mesh.names import ServiceName
from meshui.mesh.values import DEFAULT_ROUTES, Route
from meshui.traffic.interchange.common import Loss, metadata, to_yaml
from meshui.traffic.interchange.values import Exported


def to_smi(service: ServiceName, routes: Sequence[Route], split: Mapping[str, int]) -> Exported:
    """The split alone: SMI has no other word for what a route does."""
    loss = Loss()
    if tuple(routes) != DEFAULT_ROUTES:
        loss.lost("routes", "SMI splits all requests alike")
    loss.lost("resilience", "SMI has no word for it")
    document = {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": metadata(service),
        "spec": {
            "service": service.name,
            "backends": [{"service": f"{service.name}-{version}", "weight": w} for version, w in sorted(split.items())],
        },
    }
    return Exported(text=to_yaml([document]), notes=loss.notes)
