"""``rollouts/preflight/`` and ``rollouts/estimate/``: what can be said before. Nothing changes."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import body
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.rollouts.api.bodies import EstimateBody, PreflightBody
from meshui.rollouts.forecast import estimate, preflight_of, stable_of
from meshui.rollouts.planning import analysis_of, steps_of
from meshui.rollouts.services.templates import named_metrics
from meshui.rollouts.shapes import EstimateView, PreflightView


class Preflight(Endpoint):
    writes = "view"

    @operation("rollout_preflight", body=PreflightBody, answer=PreflightView)
    def post(self, request: Request) -> Response:
        """Whether a rollout of ``canary`` could start now, check by check."""
        sent = body(request, PreflightBody)
        service = _visible(actor_of(request), sent.service)
        return Response(preflight_of(service, stable_of(service), sent.canary))


class Estimate(Endpoint):
    writes = "view"

    @operation("rollout_estimate", body=EstimateBody, answer=EstimateView)
    def post(self, request: Request) -> Response:
        """How soon a doubling of errors would be noticed at each step that analyses, at the present rate."""
        sent = body(request, EstimateBody)
        service = _visible(actor_of(request), sent.service)
        analysis = analysis_of(sent.analysis, named_metrics(sent.analysis.template))
        return Response(estimate(service, stable_of(service), steps_of(sent.steps), analysis))


def _visible(actor: Actor, name: str) -> Service:
    """Raises NotFound."""
    actor.require_visible(name.partition("/")[0])
    return get_service(name)
