"""Documents of other meshes in, values of this one out."""

from __future__ import annotations

from typing import Any

import msgspec

from meshui.core.errors import InvalidInput
from meshui.mesh.values import Resilience, Route, RouteMatch
from meshui.traffic.interchange import from_gateway_api, from_istio, from_smi
from meshui.traffic.interchange.common import kind_of
from meshui.traffic.interchange.documents import Fields, read_documents
from meshui.traffic.interchange.values import Imported, Note


def read(text: str, namespace: str = "") -> tuple[list[Imported], list[Note]]:
    """What YAML or JSON documents say of services, and what of them is not carried over.

    ``namespace`` is where names without one belong. Raises InvalidInput with the line, or the document and its field.
    """
    notes: list[Note] = []
    found: dict[str, Imported] = {}
    documents = [Fields(_mapping(data), notes, index) for index, data in enumerate(read_documents(text))]
    groups = dict(
        from_smi.route_group(each) for each in documents if kind_of(each.data) == (from_smi.SPECS, "HTTPRouteGroup")
    )
    for document in documents:
        _one(document, namespace, found, groups)
        document.rest()
    for entry in found.values():
        _validate(entry)
    return list(found.values()), notes


def _mapping(data: Any) -> dict[str, Any]:
    kind_of(data)
    return dict(data)


def _one(document: Fields, namespace: str, found: dict[str, Imported], groups: dict[str, list[RouteMatch]]) -> None:
    match kind_of(document.data):
        case (from_istio.GROUP, "VirtualService"):
            from_istio.virtual_service(document, namespace, found)
        case (from_istio.GROUP, "DestinationRule"):
            from_istio.destination_rule(document, namespace, found)
        case (from_gateway_api.GROUP, "HTTPRoute"):
            from_gateway_api.http_route(document, namespace, found)
        case (from_smi.GROUP, "TrafficSplit"):
            from_smi.traffic_split(document, namespace, found, groups)
        case (from_smi.SPECS, "HTTPRouteGroup"):
            pass  # read above, for the splits that name it
        case (_, kind):
            document.note("lost", "kind", f"{kind} is not read")
            document.passed_over(*document.data)


def _validate(entry: Imported) -> None:
    """Types and ranges are the values' own: what does not fit is refused with its place. Raises InvalidInput."""
    for name, value, kind in (("routes", entry.routes, list[Route]), ("resilience", entry.resilience, Resilience)):
        try:
            if value is not None:
                msgspec.convert(msgspec.to_builtins(value), kind)
        except msgspec.ValidationError as error:
            raise InvalidInput.field("text", "invalid", f"{entry.service}: {name}: {error}") from None
