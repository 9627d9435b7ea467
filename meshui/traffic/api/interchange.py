"""``interchange/import/`` and a service's ``export/``: other meshes' documents."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, View, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.errors import NotFound
from meshui.mesh.names import ServiceName
from meshui.mesh.values import Resilience, Route
from meshui.traffic.interchange.reading import read
from meshui.traffic.interchange.to_gateway_api import to_gateway_api
from meshui.traffic.interchange.to_istio import to_istio
from meshui.traffic.interchange.to_smi import to_smi
from meshui.traffic.interchange.values import Exported, Format, Imported, Note
from meshui.traffic.selectors import resilience_of, routes_of, split_of
from meshui.traffic.services.common import refuse_tcp

MAX_TEXT = 256 * 1024


class ImportBody(Body, frozen=True, kw_only=True):
    """YAML or JSON, several documents; ``namespace`` is where names without one belong."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    namespace: Annotated[str, Meta(max_length=63)] = ""


class ImportedService(View, frozen=True, kw_only=True):
    """Null where the documents say nothing. ``versions`` are those that they name; ``missing_versions`` the service
    does not have yet."""

    service: str
    exists: bool
    versions: list[str]
    missing_versions: list[str]
    routes: list[Route] | None
    split: dict[str, int] | None
    resilience: Resilience | None


class ImportView(View, frozen=True, kw_only=True):
    services: list[ImportedService]
    report: list[Note]


class ExportQuery(Body, frozen=True, kw_only=True):
    format: Format = "istio"


class ExportView(View, frozen=True, kw_only=True):
    format: Format
    text: str
    report: list[Note]


class Import(Endpoint):
    writes = "view"

    @operation("interchange_import", body=ImportBody, answer=ImportView)
    def post(self, request: Request) -> Response:
        """Read Istio's, the Gateway API's or SMI's documents as drafts of this mesh's rules, with a report of what has
        no equivalent. Nothing is changed; apply the drafts with ``routes/``, ``split/`` and ``resilience/``."""
        sent = body(request, ImportBody, documents=("text",))
        imported, notes = read(sent.text, sent.namespace)
        actor = actor_of(request)
        return Response(ImportView(services=[_shown(actor, entry) for entry in imported], report=notes))


def _shown(actor: Actor, entry: Imported) -> ImportedService:
    try:
        actor.require_visible(ServiceName.parse(entry.service).namespace)
        versions: set[str] | None = set(split_of(get_service(entry.service)))
    except NotFound:
        versions = None
    return ImportedService(
        service=entry.service,
        exists=versions is not None,
        versions=entry.versions,
        missing_versions=sorted(set(entry.versions) - (versions or set())),
        routes=entry.routes,
        split=entry.split,
        resilience=entry.resilience,
    )


class Export(Endpoint):
    @operation("service_export", query=ExportQuery, answer=ExportView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """The service's rules in another mesh's words, with what those cannot say."""
        wanted = query(request, ExportQuery).format
        row = get_service(f"{ns}/{name}")
        refuse_tcp(row, "service", "what is exported are routes")
        service, routes, split = ServiceName(ns, name), routes_of(row), split_of(row)
        exported: Exported
        if wanted == "istio":
            exported = to_istio(service, routes, split, resilience_of(row))
        elif wanted == "gateway-api":
            exported = to_gateway_api(service, routes, split)
        else:
            exported = to_smi(service, routes, split)
        return Response(ExportView(format=wanted, text=exported.text, report=exported.notes))
