"""Endpoints of taps. What they copy is followed on the live topic ``tap:{id}``."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, WriteQuery, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.taps.selectors import TapView, active, get_tap, tap_view, taps
from meshui.taps.services import tap_start, tap_stop
from meshui.taps.values import TapBody


class TapsQuery(ListQuery, frozen=True, kw_only=True):
    active: bool = False


class Taps(Endpoint):
    writes = "traffic.write"

    @operation("taps", query=TapsQuery, answer=Page[TapView])
    def get(self, request: Request) -> Response:
        """Taps of services that you may operate, newest first; ``active`` leaves those out that have ended."""
        asked = query(request, TapsQuery)
        rows = taps(actor_of(request))
        return Response(page(request, active(rows) if asked.active else rows, asked, tap_view, descending=True))

    @operation("tap_start", body=TapBody, query=WriteQuery, answer=TapView, status=201)
    def post(self, request: Request) -> Response:
        """Have the heads of requests copied while somebody follows `tap:{id}`, for an hour at most.

        Whoever may operate the destination may; for any destination, whoever may operate the mesh. It is kept in the
        change log.
        """
        dry_run = query(request, WriteQuery).dry_run
        wanted = body(request, TapBody)
        return Response(tap_view(tap_start(actor=actor_of(request), wanted=wanted, dry_run=dry_run)), status=201)


class OneTap(Endpoint):
    writes = "traffic.write"

    @operation("tap", answer=TapView)
    def get(self, request: Request, tap_id: int) -> Response:
        """One tap, also after its end."""
        return Response(tap_view(get_tap(actor_of(request), tap_id)))

    @operation("tap_stop", query=DeleteQuery, answer=TapView)
    def delete(self, request: Request, tap_id: int) -> Response:
        """End a tap at once. One that has ended stays as it is."""
        asked = query(request, DeleteQuery)
        row = tap_stop(actor=actor_of(request), tap_id=tap_id, reason=asked.reason, dry_run=asked.dry_run)
        return Response(tap_view(row))
