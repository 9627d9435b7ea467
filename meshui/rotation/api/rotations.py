"""Rotations of the root: begun, followed, paused, withdrawn."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, WriteQuery, body, query
from meshui.core.api.endpoints import SAFE, Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.rotation import services
from meshui.rotation.models import Rotation
from meshui.rotation.shown import RotationView, rotation_view
from meshui.security.api.offers import DOCUMENTS, OfferBody


class DecisionBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class PassBody(DecisionBody, frozen=True, kw_only=True):
    proxy: Annotated[str, Meta(min_length=1, max_length=40, description="Its id.")]


class MeshWide(Endpoint):
    """Whoever writes must hold the permission in the whole mesh."""

    writes = "security.write"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE:
            actor_of(request).require(self.writes)


class Rotations(MeshWide):
    @operation("rotations", query=ListQuery, answer=Page[RotationView])
    def get(self, request: Request) -> Response:
        """All rotations of the root, the newest first."""
        actor = actor_of(request)
        rows = Rotation.objects.select_related("old", "new")
        asked = query(request, ListQuery)
        return Response(page(request, rows, asked, lambda row: rotation_view(actor, row), descending=True))

    @operation("rotation_start", body=OfferBody, query=WriteQuery, answer=RotationView, status=201)
    def post(self, request: Request) -> Response:
        """Begin to replace the root, without a request failing. Everything goes on by itself from here; see the state
        for whom it waits."""
        sent, dry_run = body(request, OfferBody, documents=DOCUMENTS), query(request, WriteQuery).dry_run
        actor = actor_of(request)
        row = services.rotation_start(actor=actor, offer=sent.offer, reason=sent.reason, dry_run=dry_run)
        return Response(rotation_view(actor, row), status=200 if dry_run else 201)


class OneRotation(Endpoint):
    @operation("rotation", answer=RotationView)
    def get(self, request: Request, rotation_id: int) -> Response:
        """Where it stands, and whom it waits for."""
        return Response(rotation_view(actor_of(request), services.get_rotation(rotation_id)))


class Pause(MeshWide):
    @operation("rotation_pause", body=DecisionBody, answer=RotationView)
    def post(self, request: Request, rotation_id: int) -> Response:
        """Take no further step until it is resumed. What is published stays, and traffic goes on."""
        actor, reason = actor_of(request), body(request, DecisionBody).reason
        row = services.rotation_pause(actor=actor, rotation_id=rotation_id, reason=reason)
        return Response(rotation_view(actor, row))


class Resume(MeshWide):
    @operation("rotation_resume", body=DecisionBody, answer=RotationView)
    def post(self, request: Request, rotation_id: int) -> Response:
        """Go on from where it was paused."""
        actor, reason = actor_of(request), body(request, DecisionBody).reason
        row = services.rotation_resume(actor=actor, rotation_id=rotation_id, reason=reason)
        return Response(rotation_view(actor, row))


class Abort(MeshWide):
    @operation("rotation_abort", body=DecisionBody, answer=RotationView)
    def post(self, request: Request, rotation_id: int) -> Response:
        """Go back to the old root, as carefully as forward. Possible until its removal begins."""
        actor, reason = actor_of(request), body(request, DecisionBody).reason
        row = services.rotation_abort(actor=actor, rotation_id=rotation_id, reason=reason)
        return Response(rotation_view(actor, row))


class Pass(MeshWide):
    @operation("rotation_pass", body=PassBody, answer=RotationView)
    def post(self, request: Request, rotation_id: int) -> Response:
        """Go on without a proxy that does not come back. It has to join again, with a new token."""
        actor, sent = actor_of(request), body(request, PassBody)
        row = services.rotation_pass(actor=actor, rotation_id=rotation_id, proxy_id=sent.proxy, reason=sent.reason)
        return Response(rotation_view(actor, row))
