"""SMI's TrafficSplit (split.smi-spec.io) and the HTTPRouteGroup that it may name (specs.smi-spec.io).

As in the Gateway API a backend is a Service of its own: ``catalog-v2`` is the version ``v2`` of ``catalog``.
"""

from __future__ import annotations

from meshui.mesh.values import HeaderMatch, PathMatch, Route, RouteMatch
from meshui.traffic.interchange.common import expect_service, label, percentages, service_of
from meshui.traffic.interchange.documents import Fields
from meshui.traffic.interchange.values import Imported

GROUP = "split.smi-spec.io"
SPECS = "specs.smi-spec.io"


def traffic_split(
    document: Fields, namespace: str, found: dict[str, Imported], groups: dict[str, list[RouteMatch]]
) -> None:
    """Add a split to what was found of its root service; with matches, it becomes routes with weights of their own."""
    metadata = document.mapping("metadata")
    namespace = (metadata and metadata.text("namespace")) or namespace
    document.passed_over("apiVersion", "kind", "status")
    if metadata is not None:
        metadata.passed_over(*metadata.data)
    spec = document.mapping("spec")
    if spec is None:
        raise document.wrong("spec", "required")
    service = expect_service(service_of(spec.text("service"), namespace), spec, "service")
    weights: dict[str, int] = {}
    for backend in spec.mappings("backends"):
        name = backend.text("service").partition(".")[0]
        version = name.removeprefix(f"{service.name}-")
        if version == name:
            backend.note("lost", "service", f"{name} is no version of {service}")
            continue
        weights[version] = backend.integer("weight", 0)
    split = percentages(weights, spec, "backends")
    entry = found.setdefault(str(service), Imported(service=str(service)))
    entry.versions = sorted({*entry.versions, *split})
    matches = spec.mappings("matches")
    if not matches:
        entry.split = split
        return
    entry.routes = entry.routes or []
    for reference in matches:
        reference.passed_over("kind", "apiGroup")
        name = reference.text("name")
        if name not in groups:
            raise reference.wrong("name", f"there is no HTTPRouteGroup {name!r} among the documents")
        for number, match in enumerate(groups[name], 1):
            entry.routes.append(Route(name=label(f"{name}-{number}"), match=match, weights=split))
    entry.routes.append(Route(name="default"))


def route_group(document: Fields) -> tuple[str, list[RouteMatch]]:
    """An HTTPRouteGroup's name and matches."""
    metadata = document.mapping("metadata")
    if metadata is None:
        raise document.wrong("metadata", "required")
    name = metadata.text("name")
    metadata.passed_over(*metadata.data)
    document.passed_over("apiVersion", "kind")
    spec = document.mapping("spec") or document
    return name, [_match(match) for match in spec.mappings("matches")]


def _match(match: Fields) -> RouteMatch:
    match.passed_over("name")
    pattern = match.text("pathRegex")
    headers = match.data.get("headers")
    # The specification has a mapping; its examples a list of such.
    pairs = match.pairs("headers") if isinstance(headers, dict) else {}
    if isinstance(headers, list):
        for each in match.mappings("headers"):
            pairs |= {name: each.text(name) for name in each.data}
    return RouteMatch(
        path=PathMatch(kind="regex", value=pattern) if pattern not in ("", ".*") else None,
        methods=[method for method in match.texts("methods") if method != "*"],
        headers=[HeaderMatch(name=name.lower(), kind="regex", value=value) for name, value in pairs.items()],
    )
