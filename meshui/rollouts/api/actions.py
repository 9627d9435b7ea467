"""What people do to a rollout: one endpoint for each action, all made alike."""

from __future__ import annotations

from collections.abc import Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import body
from meshui.core.api.conditions import expected_version
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.rollouts import selectors
from meshui.rollouts.api.bodies import AbortBody, ActBody, PromoteBody
from meshui.rollouts.api.keys import idempotency_key
from meshui.rollouts.api.rollouts import shown
from meshui.rollouts.services import rollout_act, undo
from meshui.rollouts.shapes import Action, RolloutView

Kind = type[ActBody] | type[PromoteBody] | type[AbortBody]


def _acting(action: Action, kind: Kind, text: str) -> type[Endpoint]:
    class Act(Endpoint):
        writes = "traffic.write"

        def post(self, request: Request, rollout_id: int) -> Response:
            actor = actor_of(request)
            selectors.get_rollout(actor, rollout_id)
            sent = body(request, kind)
            expected = expected_version(request)
            row = rollout_act(
                actor=actor,
                rollout_id=rollout_id,
                action=action,
                reason=sent.reason,
                expected_version=expected,
                idempotency_key=idempotency_key(request),
                force=isinstance(sent, AbortBody) and sent.force,
            )
            return shown(request, row)

        post.__doc__ = text
        post = operation(
            f"rollout_{action.replace('-', '_')}", body=kind, answer=RolloutView, conditional=True, idempotent=True
        )(post)

    return Act


_KINDS: Sequence[tuple[Action, Kind, str]] = (
    ("start", ActBody, "Start a draft; its plan is frozen."),
    ("pause", ActBody, "Stay as it is until somebody resumes."),
    ("resume", ActBody, "Go on with the step that was paused."),
    ("approve", ActBody, "Let it past its approval; the author may not."),
    ("reject", ActBody, "Do not let it past: it rolls back."),
    ("skip-step", ActBody, "End the current step now and go on with the next."),
    ("promote", PromoteBody, "Give the canary everything now, past the steps that are left."),
    ("abort", AbortBody, "Roll back now: all traffic to stable, in one revision."),
    ("retry", ActBody, "Begin the current step anew."),
)
ACTIONS = {action: _acting(action, kind, text) for action, kind, text in _KINDS}
"""The endpoint of each action, by its name in paths."""


class Undo(Endpoint):
    writes = "traffic.write"

    @operation("service_undo", body=ActBody, answer=RolloutView, status=201, idempotent=True)
    def post(self, request: Request, ns: str, name: str) -> Response:
        """Roll the service's last success back, as a new rollout of one step: within 30 minutes, and while the version
        before is healthy (409 ``undo_expired``, ``undo_unhealthy``)."""
        row = undo(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            reason=body(request, ActBody).reason,
            idempotency_key=idempotency_key(request),
        )
        return shown(request, row, status=201)
