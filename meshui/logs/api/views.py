"""Endpoints of the access log for people."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import Page, page
from meshui.logs.api.queries import LogsQuery
from meshui.logs.selectors import LogView, found, log_view


class Logs(Endpoint):
    writes = None

    @operation("logs", query=LogsQuery, answer=Page[LogView])
    def get(self, request: Request) -> Response:
        """Requests that proxies have written down, newest first.

        Those of namespaces that you may not view, and calls into them, are left out.
        """
        asked = query(request, LogsQuery)
        visible = actor_of(request).visible_namespaces()
        rows = found(asked.asked(), visible)
        return Response(page(request, rows, asked.page, lambda line: log_view(line, visible), descending=True))
