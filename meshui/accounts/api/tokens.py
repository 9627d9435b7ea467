"""API tokens: by password for a machine, or of whoever is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.accounts import selectors
from meshui.accounts.actors import actor_of as actor_of_user
from meshui.accounts.authentication import address_of
from meshui.accounts.models import ApiToken, User
from meshui.accounts.services import authenticate, token_create, token_revoke
from meshui.accounts.services.tokens import MAX_EXPIRES_S
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import PRINTABLE, Body, View, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTABLE)]
Expires = Annotated[int, Meta(ge=1, le=MAX_EXPIRES_S, description="Seconds.")]


class TokenBody(Body, frozen=True, kw_only=True):
    name: Name
    expires_in: Expires


class TokenByPasswordBody(Body, frozen=True, kw_only=True):
    username: Annotated[str, Meta(min_length=1, max_length=150)]
    password: Annotated[str, Meta(min_length=1, max_length=1000)]
    name: Name
    expires_in: Expires


class TokenView(View, frozen=True, kw_only=True):
    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewToken(View, frozen=True, kw_only=True):
    """``token`` is shown this once."""

    id: str
    name: str
    token: str
    expires_at: datetime
    created_at: datetime


class TokenByPassword(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("token_by_password", body=TokenByPasswordBody, answer=NewToken, status=201)
    def post(self, request: Request) -> Response:
        """A token for a machine, by password. Throttled like a login."""
        sent = body(request, TokenByPasswordBody)
        address = address_of(request)
        user = authenticate(username=sent.username, password=sent.password, address=address)
        row, token = token_create(
            actor=actor_of_user(user, address), user=user, name=sent.name, expires_in=sent.expires_in
        )
        return Response(_new(row, token), status=201)


class Tokens(Endpoint):
    writes = None

    @operation("tokens", query=ListQuery, answer=Page[TokenView])
    def get(self, request: Request) -> Response:
        """One's own tokens, the newest first."""
        rows = selectors.tokens(_user(request))
        return Response(page(request, rows, query(request, ListQuery), _view, descending=True))

    @operation("token_create", body=TokenBody, answer=NewToken, status=201)
    def post(self, request: Request) -> Response:
        """A new token that can do what one can oneself."""
        sent = body(request, TokenBody)
        row, token = token_create(
            actor=actor_of(request), user=_user(request), name=sent.name, expires_in=sent.expires_in
        )
        return Response(_new(row, token), status=201)


class OneToken(Endpoint):
    writes = None

    @operation("token_revoke", status=204)
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke one of one's own tokens, at once."""
        token_revoke(actor=actor_of(request), user=_user(request), token_id=token_id)
        return Response(status=204)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


def _view(row: ApiToken) -> TokenView:
    return TokenView(
        id=str(row.pk),
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def _new(row: ApiToken, token: str) -> NewToken:
    return NewToken(id=str(row.pk), name=row.name, token=token, expires_at=row.expires_at, created_at=row.created_at)
