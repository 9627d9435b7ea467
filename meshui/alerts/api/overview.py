"""``overview/``."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.alerts.overview import OverviewView, overview
from meshui.core.api.actors import actor_of
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation


class Overview(Endpoint):
    writes = None

    @operation("overview", answer=OverviewView)
    def get(self, request: Request) -> Response:
        """What is wrong, what changed, what is under way: the edges that are worst, objectives that burn, alerts,
        changes, rollouts, certificates that end and proxies in sync."""
        return Response(overview(actor_of(request)))
