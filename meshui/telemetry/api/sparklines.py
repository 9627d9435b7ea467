"""``metrics/services/``."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.telemetry.sparklines import Sparklines, sparklines


class SparklinesEndpoint(Endpoint):
    writes = None

    @operation("metrics_services", answer=Sparklines)
    def get(self, request: Request) -> Response:
        """Rates and errors of every service over the last fifteen minutes, in steps of thirty seconds."""
        return Response(sparklines(actor_of(request).visible_namespaces()))
