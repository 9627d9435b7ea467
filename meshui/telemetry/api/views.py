"""Endpoints of what the mesh does. All of them only read."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import query
from meshui.core.api.operations import operation
from meshui.telemetry import selectors
from meshui.telemetry.api.queries import GraphQuery
from meshui.telemetry.graph import Graph, Scope


class GraphView(APIView):
    @operation("graph_get", query=GraphQuery, answer=Graph)
    def get(self, request: Request) -> Response:
        """Who calls whom within the window, how often, how fast and how well.

        Windows up to fifteen minutes come from one-second frames; longer ones, and the past beyond fifteen minutes,
        from ten-second rollups. Namespaces that you may not view are left out, and every edge into them.
        """
        asked = query(request, GraphQuery)
        scope = Scope(
            visible=actor_of(request).visible_namespaces(),
            namespace=asked.namespace,
            focus=asked.focus,
            hops=asked.hops,
        )
        return Response(
            selectors.graph_json(window_s=asked.window_s, by=asked.by, scope=scope, at=asked.at_unix),
        )
