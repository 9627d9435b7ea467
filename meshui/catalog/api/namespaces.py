"""``namespaces/``"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog import selectors
from meshui.catalog.api.fields import Label
from meshui.catalog.api.shapes import NamespaceView, NamespaceWritten, namespace_view
from meshui.catalog.services import namespace_create, namespace_delete
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Description, Reason, WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, ordering, page
from meshui.core.errors import NotFound

ORDERINGS = {"name": ("name",), "created_at": ("created_at", "pk")}


class NamespaceBody(Body, frozen=True, kw_only=True):
    name: Label
    description: Description = ""
    reason: Reason = ""


class NamespaceQuery(ListQuery, frozen=True, kw_only=True):
    ordering: Annotated[str, Meta(pattern="^-?(name|created_at)$")] = "name"


class Namespaces(Endpoint):
    writes = "catalog.write"

    @operation("namespaces", query=NamespaceQuery, answer=Page[NamespaceView])
    def get(self, request: Request) -> Response:
        """The namespaces that one may view."""
        asked = query(request, NamespaceQuery)
        rows = selectors.namespaces(actor_of(request))
        return Response(page(request, rows, asked, namespace_view, **ordering(asked.ordering, ORDERINGS)))

    @operation("namespace_create", body=NamespaceBody, query=WriteQuery, answer=NamespaceWritten, status=201)
    def post(self, request: Request) -> Response:
        """A new namespace. Needs catalog.write mesh-wide."""
        sent = body(request, NamespaceBody)
        done = namespace_create(
            actor=actor_of(request),
            name=sent.name,
            description=sent.description,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        shown = extended(NamespaceWritten, namespace_view(done.value), revision=done.revision)
        return answer(shown, version=selectors.namespace_version(done.value), status=201)


class OneNamespace(Endpoint):
    writes = "catalog.write"

    @operation("namespace", answer=NamespaceView)
    def get(self, request: Request, ns: str) -> Response:
        """One namespace."""
        row = selectors.namespaces(actor_of(request)).filter(name=ns).first()
        if row is None:
            raise NotFound(f"no namespace {ns}")
        return answer(namespace_view(row), version=selectors.namespace_version(row))

    @operation("namespace_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, ns: str) -> Response:
        """Delete an empty namespace. Needs catalog.write mesh-wide."""
        namespace_delete(
            name=ns,
            **deletion(request),
        )
        return Response(status=204)
