"""Revisions and how far they are, and the mesh as a whole."""

from __future__ import annotations

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.delivery import shown


class Revisions(Endpoint):
    @operation("revisions", query=ListQuery, answer=Page[shown.RevisionView])
    def get(self, request: Request) -> Response:
        """Committed changes, the newest first, and how many proxies took them."""
        rows = shown.revisions(actor_of(request))
        found = page(request, rows, query(request, ListQuery), lambda row: row, descending=True)
        return Response(msgspec.structs.replace(found, results=shown.revision_views(found.results)))


class OneRevision(Endpoint):
    @operation("revision", answer=shown.RevisionDetailView)
    def get(self, request: Request, number: int) -> Response:
        """One committed change and each proxy's answer to it."""
        actor = actor_of(request)
        return Response(shown.revision_detail(actor, shown.get_revision(actor, number)))


class Info(Endpoint):
    @operation("info", answer=shown.InfoView)
    def get(self, request: Request) -> Response:
        """The mesh as a whole."""
        return Response(shown.info())
