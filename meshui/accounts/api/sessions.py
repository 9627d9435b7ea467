"""Signing in and out with a session, and who one is."""

from __future__ import annotations

from typing import Annotated

from django.contrib import auth
from django.middleware.csrf import get_token
from msgspec import Meta
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.accounts.actors import actor_of as actor_of_user
from meshui.accounts.api.views import RoleView, role_views
from meshui.accounts.authentication import address_of, check_csrf
from meshui.accounts.models import User
from meshui.accounts.services import authenticate
from meshui.core.api.bodies import Body, View, body
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
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
        auth.login(request._request, user)
        return Response(_me(request, user))


class Logout(Endpoint):
    writes = None

    @operation("logout", status=204)
    def post(self, request: Request) -> Response:
        """End the session: its cookie is worth nothing any more."""
        auth.logout(request._request)
        return Response(status=204)


def _me(request: Request, user: User) -> MeView:
    return MeView(
        username=user.username,
        email=user.email,
        is_superuser=user.is_superuser,
        roles=role_views(user),
        permissions={where: sorted(granted) for where, granted in actor_of_user(user).grants.items()},
        csrf=get_token(request._request),
    )
