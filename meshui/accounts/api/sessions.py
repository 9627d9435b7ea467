"""Signing in and out with a session, who one is, and where else one is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.contrib import auth
from django.middleware.csrf import get_token
from msgspec import Meta
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.accounts import selectors
from meshui.accounts.actors import actor_of as actor_of_user
from meshui.accounts.api.views import RoleView, role_views
from meshui.accounts.authentication import address_of, check_csrf
from meshui.accounts.models import Session, User
from meshui.accounts.services import authenticate, session_end, sessions_end
from meshui.accounts.sessions import open_session, public_id
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, View, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.core.errors import NotAuthenticated


class MeView(View, frozen=True, kw_only=True):
    """``permissions`` maps a namespace, or ``*`` for the whole mesh, to what one may do there."""

    username: str
    email: str
    is_superuser: bool
    roles: list[RoleView]
    permissions: dict[str, list[str]]
    csrf: str


class LoginBody(Body, frozen=True, kw_only=True):
    username: Annotated[str, Meta(min_length=1, max_length=150)]
    password: Annotated[str, Meta(min_length=1, max_length=1000)]


class Me(APIView):
    permission_classes = [AllowAny]

    @operation("me", answer=MeView)
    def get(self, request: Request) -> Response:
        """Who is signed in and what they may do. Sets the CSRF cookie, also for who is not signed in."""
        get_token(request._request)
        if not isinstance(request.user, User):
            raise NotAuthenticated
        return Response(_me(request, request.user))


class Login(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("login", body=LoginBody, answer=MeView)
    def post(self, request: Request) -> Response:
        """Open a session. Needs the CSRF token that ``auth/me/`` set; refused for a while after repeated failures."""
        check_csrf(request._request)
        sent = body(request, LoginBody)
        user = authenticate(username=sent.username, password=sent.password, address=address_of(request))
        open_session(request._request, user, address_of(request))
        return Response(_me(request, user))


class Logout(Endpoint):
    writes = None

    @operation("logout", status=204)
    def post(self, request: Request) -> Response:
        """End the session: its cookie is worth nothing any more."""
        auth.logout(request._request)
        return Response(status=204)


class SessionView(View, frozen=True, kw_only=True):
    """``agent`` is what the browser called itself; ``current`` is the one that asks."""

    id: str
    address: str
    agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class SessionsQuery(ListQuery, frozen=True, kw_only=True):
    username: Annotated[str, Meta(max_length=150, description="Whose; empty: one's own.")] = ""


class EndQuery(Body, frozen=True, kw_only=True):
    username: Annotated[str, Meta(max_length=150, description="Whose; empty: one's own.")] = ""
    reason: Reason = ""


class Ended(View, frozen=True, kw_only=True):
    count: int


class Sessions(Endpoint):
    writes = None

    @operation("sessions", query=SessionsQuery, answer=Page[SessionView])
    def get(self, request: Request) -> Response:
        """Where one is signed in, the newest first; of somebody else for who may administer users."""
        asked = query(request, SessionsQuery)
        rows = selectors.sessions(_whose(request, asked.username))
        current = _current(request)
        return Response(
            page(
                request,
                rows,
                asked,
                lambda row: _session_view(row, current),
                fields=["created_at", "public_id"],
                descending=True,
            )
        )

    @operation("sessions_end", query=EndQuery, answer=Ended)
    def delete(self, request: Request) -> Response:
        """Sign out everywhere but here; somebody else everywhere."""
        asked = query(request, EndQuery)
        user = _whose(request, asked.username)
        count = sessions_end(actor=actor_of(request), user=user, keep=_current(request), reason=asked.reason)
        return Response(Ended(count=count))


class OneSession(Endpoint):
    writes = None

    @operation("session_end", query=EndQuery, status=204)
    def delete(self, request: Request, session_id: str) -> Response:
        """End a session: its cookie is worth nothing from its next request on."""
        asked = query(request, EndQuery)
        user = _whose(request, asked.username)
        session_end(actor=actor_of(request), user=user, session_id=session_id, reason=asked.reason)
        return Response(status=204)


def _whose(request: Request, username: str) -> User:
    assert isinstance(request.user, User)
    if username in ("", request.user.username):
        return request.user
    actor_of(request).require("users.write")
    return selectors.get_user(username)


def _current(request: Request) -> str:
    """The public id of the session that asks; empty for a token."""
    key = request._request.session.session_key
    return public_id(key) if key else ""


def _session_view(row: Session, current: str) -> SessionView:
    return SessionView(
        id=row.public_id,
        address=row.address,
        agent=row.agent,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expire_date,
        current=row.public_id == current,
    )


def _me(request: Request, user: User) -> MeView:
    return MeView(
        username=user.username,
        email=user.email,
        is_superuser=user.is_superuser,
        roles=role_views(user),
        permissions={where: sorted(granted) for where, granted in actor_of_user(user).grants.items()},
        csrf=get_token(request._request),
    )
