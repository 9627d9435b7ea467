"""``services/`` and the versions of one. Removing a version is in ``meshui.traffic.api``, for routes may name it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, field
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog import selectors
from meshui.catalog.api.fields import Label, NamespaceFilter, Search, VersionLabel
from meshui.catalog.api.shapes import ServiceView, VersionView, VersionWritten, service_view, version_view
from meshui.catalog.models import Service
from meshui.catalog.services import service_create, service_delete, service_update, version_create
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Description, Reason, WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, ordering, page
from meshui.core.commits import Outcome
from proxies.wire.resources import Protocol

ORDERINGS = {"name": ("namespace__name", "name"), "updated_at": ("updated_at", "pk")}


class ServiceBody(Body, frozen=True, kw_only=True):
    """The first version takes all the traffic. A ``tcp`` service needs a ``port``: where apps connect to its name."""

    namespace: Label
    name: Label
    protocol: Protocol = "http"
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    description: Description = ""
    versions: Annotated[list[VersionLabel], Meta(min_length=1, max_length=50)] = field(default_factory=lambda: ["v1"])
    reason: Reason = ""


class ServicePatch(Body, frozen=True, kw_only=True):
    description: Description
    reason: Reason = ""


class VersionBody(Body, frozen=True, kw_only=True):
    name: VersionLabel
    reason: Reason = ""


class ServiceQuery(ListQuery, frozen=True, kw_only=True):
    namespace: NamespaceFilter = ""
    search: Search = ""
    ordering: Annotated[str, Meta(pattern="^-?(name|updated_at)$")] = "name"


class Services(Endpoint):
    writes = "catalog.write"

    @operation("services", query=ServiceQuery, answer=Page[ServiceView])
    def get(self, request: Request) -> Response:
        """The services of the namespaces that one may view, with their versions, weights and health."""
        asked = query(request, ServiceQuery)
        rows = selectors.services_shown(actor_of(request), namespace=asked.namespace, search=asked.search)
        return Response(page(request, rows, asked, service_view, **ordering(asked.ordering, ORDERINGS)))

    @operation("service_create", body=ServiceBody, query=WriteQuery, answer=ServiceView, status=201)
    def post(self, request: Request) -> Response:
        """A new service with its versions."""
        sent = body(request, ServiceBody)
        done = service_create(
            actor=actor_of(request),
            service=f"{sent.namespace}/{sent.name}",
            versions=sent.versions,
            protocol=sent.protocol,
            port=sent.port,
            description=sent.description,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _written(done, status=201)


class OneService(Endpoint):
    writes = "catalog.write"

    @operation("service", answer=ServiceView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """One service."""
        row = selectors.get_service_shown(f"{ns}/{name}")
        return answer(service_view(row), version=selectors.service_version(row))

    @operation("service_update", body=ServicePatch, query=WriteQuery, answer=ServiceView, conditional=True)
    def patch(self, request: Request, ns: str, name: str) -> Response:
        """Change its description."""
        sent = body(request, ServicePatch)
        done = service_update(
            service=f"{ns}/{name}",
            description=sent.description,
            **conditions(request, sent.reason),
        )
        return _written(done)

    @operation("service_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, ns: str, name: str) -> Response:
        """Delete it with its versions, instances and proxies; 409 while a gateway leads to it."""
        service_delete(
            service=f"{ns}/{name}",
            **deletion(request),
        )
        return Response(status=204)


class Versions(Endpoint):
    writes = "catalog.write"

    @operation("versions", query=ListQuery, answer=Page[VersionView])
    def get(self, request: Request, ns: str, name: str) -> Response:
        """The versions of a service."""
        rows = selectors.counted_versions().filter(service=selectors.get_service(f"{ns}/{name}"))
        return Response(page(request, rows, query(request, ListQuery), version_view, fields=["name"]))

    @operation("version_create", body=VersionBody, query=WriteQuery, answer=VersionWritten, status=201)
    def post(self, request: Request, ns: str, name: str) -> Response:
        """A new version. It gets no traffic until the split says so, unless it is the first."""
        sent = body(request, VersionBody)
        done = version_create(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            version=sent.name,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return answer(extended(VersionWritten, version_view(done.value), revision=done.revision), status=201)


def _written(done: Outcome[Service], status: int = 200) -> Response:
    shown = msgspec.structs.replace(service_view(done.value), revision=done.revision)
    return answer(shown, version=selectors.service_version(done.value), status=status)
