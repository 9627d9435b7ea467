"""``changes/{id}/revert/``: it lives here because what it undoes is traffic."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import body
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.traffic.api.bodies import RevertBody, Reverted
from meshui.traffic.services import change_revert


class Revert(Endpoint):
    writes = "traffic.write"

    @operation("change_revert", body=RevertBody, answer=Reverted)
    def post(self, request: Request, change_id: int) -> Response:
        """Set the object back to what it was before the change; 409 where it has changed since."""
        sent = body(request, RevertBody)
        return Response(
            Reverted(revision=change_revert(actor=actor_of(request), change_id=change_id, reason=sent.reason))
        )
