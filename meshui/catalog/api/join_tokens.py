"""``join-tokens/``: what lets a new proxy join."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog import selectors
from meshui.catalog.api.fields import ServiceId, VersionLabel
from meshui.catalog.api.shapes import JoinTokenView, NewJoinToken, join_token_view
from meshui.catalog.services import join_token_create, join_token_revoke
from meshui.catalog.services.join_tokens import MAX_TTL_S, MAX_USES
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, body, extended, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page


class JoinTokenBody(Body, frozen=True, kw_only=True):
    """Good for ``uses`` proxies of one service (or gateway) and version, for ``ttl_s`` seconds."""

    service: ServiceId
    version: VersionLabel
    uses: Annotated[int, Meta(ge=1, le=MAX_USES)] = 1
    ttl_s: Annotated[int, Meta(ge=1, le=MAX_TTL_S)] = 600
    reason: Reason = ""


class RevokeQuery(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class JoinTokens(Endpoint):
    writes = "security.write"

    @operation("join_tokens", query=ListQuery, answer=Page[JoinTokenView])
    def get(self, request: Request) -> Response:
        """The tokens of the services that one may view, the newest first; never the tokens themselves."""
        rows = selectors.join_tokens(actor_of(request))
        return Response(page(request, rows, query(request, ListQuery), join_token_view, descending=True))

    @operation("join_token_create", body=JoinTokenBody, answer=NewJoinToken, status=201)
    def post(self, request: Request) -> Response:
        """A new token. Needs security.write in the service's namespace."""
        sent = body(request, JoinTokenBody)
        row, token = join_token_create(
            actor=actor_of(request),
            service=sent.service,
            version=sent.version,
            uses=sent.uses,
            ttl_s=sent.ttl_s,
            reason=sent.reason,
        )
        return Response(extended(NewJoinToken, join_token_view(row), token=token), status=201)


class OneJoinToken(Endpoint):
    writes = "security.write"

    @operation("join_token_revoke", query=RevokeQuery, status=204)
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke it: no further proxy joins by it. Proxies that have joined stay."""
        asked = query(request, RevokeQuery)
        join_token_revoke(actor=actor_of(request), token_id=token_id, reason=asked.reason)
        return Response(status=204)
