"""``services/{ns}/{name}/rollout/``: a rollout as a repository declares it. Said again, it changes nothing."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import WriteQuery, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.rollouts.api.rollouts import shown, written
from meshui.rollouts.bodies import DeclaredBody
from meshui.rollouts.services.declared import latest, rollout_declare
from meshui.rollouts.shapes import RolloutView, RolloutWritten


class Declared(Endpoint):
    writes = "traffic.write"

    @operation("service_rollout", answer=RolloutView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """The service's latest rollout."""
        return shown(request, latest(actor_of(request), f"{ns}/{name}"))

    @operation("rollout_declare", body=DeclaredBody, query=WriteQuery, answer=RolloutWritten)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Declare the service's rollout. The same plan as its latest rollout's answers that one and changes nothing,
        whatever became of it; another plan starts a new one, or is refused (409 ``active_rollout``) while one is
        under way."""
        sent = body(request, DeclaredBody)
        dry_run = query(request, WriteQuery).dry_run
        row, new = rollout_declare(actor=actor_of(request), service=f"{ns}/{name}", body=sent, dry_run=dry_run)
        return written(request, row, tried=dry_run, status=201 if new else 200)
