"""Users and their roles, for who may administer them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.accounts import selectors
from meshui.accounts.api.views import Role, RoleView, role_views
from meshui.accounts.models import User
from meshui.accounts.selectors import user_version
from meshui.accounts.services import Grant, user_create, user_delete, user_update
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Reason, View, WriteQuery, body, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page

Password = Annotated[str, Meta(min_length=10, max_length=1000)]
Email = Annotated[str, Meta(max_length=254)]
Namespace = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class RoleBody(Body, frozen=True, kw_only=True):
    """A role in a namespace; null is the whole mesh."""

    role: Role
    namespace: Namespace | None = None


Roles = Annotated[list[RoleBody], Meta(max_length=100)]


class UserBody(Body, frozen=True, kw_only=True):
    username: Annotated[str, Meta(min_length=1, max_length=150, pattern=r"^[A-Za-z0-9_@.+-]+$")]
    password: Password
    email: Email = ""
    roles: Roles = field(default_factory=list)
    reason: Reason = ""


class UserPatch(Body, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    password: Password | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    roles: Roles | UnsetType = UNSET
    reason: Reason = ""


class UserQuery(ListQuery, frozen=True, kw_only=True):
    search: Annotated[str, Meta(max_length=150)] = ""


class UserView(View, frozen=True, kw_only=True):
    """``has_password``: whether they may sign in with one; who came by single sign-on has none."""

    username: str
    email: str
    is_superuser: bool
    has_password: bool
    roles: list[RoleView]
    last_login: datetime | None
    date_joined: datetime


class UserWritten(UserView, frozen=True, kw_only=True):
    """``revision`` is null when nothing changed, and in a dry run."""

    revision: int | None


class Users(Endpoint):
    reads = "users.write"
    writes = "users.write"

    @operation("users", query=UserQuery, answer=Page[UserView])
    def get(self, request: Request) -> Response:
        """All users, by name."""
        asked = query(request, UserQuery)
        rows = selectors.users(actor_of(request), search=asked.search)
        return Response(page(request, rows, asked, _view, fields=["username"]))

    @operation("user_create", body=UserBody, query=WriteQuery, answer=UserWritten, status=201)
    def post(self, request: Request) -> Response:
        """A new user with their roles."""
        sent = body(request, UserBody)
        done = user_create(
            actor=actor_of(request),
            username=sent.username,
            password=sent.password,
            email=sent.email,
            roles=_grants(sent.roles),
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return answer(_written(done.value, done.revision), version=user_version(done.value), status=201)


class OneUser(Endpoint):
    reads = "users.write"
    writes = "users.write"

    @operation("user", answer=UserView)
    def get(self, request: Request, username: str) -> Response:
        """One user."""
        row = selectors.get_user(username)
        return answer(_view(row), version=user_version(row))

    @operation("user_update", body=UserPatch, query=WriteQuery, answer=UserWritten, conditional=True)
    def patch(self, request: Request, username: str) -> Response:
        """Change password, address or roles. A new password ends the user's sessions."""
        sent = body(request, UserPatch)
        done = user_update(
            username=username,
            password=None if sent.password is UNSET else sent.password,
            email=None if sent.email is UNSET else sent.email,
            roles=None if sent.roles is UNSET else _grants(sent.roles),
            **conditions(request, sent.reason),
        )
        return answer(_written(done.value, done.revision), version=user_version(done.value))

    @operation("user_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, username: str) -> Response:
        """Delete a user with their tokens. The last who may administer users stays."""
        user_delete(
            username=username,
            **deletion(request),
        )
        return Response(status=204)


def _grants(roles: Sequence[RoleBody]) -> list[Grant]:
    return [Grant(role.role, role.namespace or "") for role in roles]


def _view(row: User) -> UserView:
    return UserView(
        username=row.username,
        email=row.email,
        is_superuser=row.is_superuser,
        has_password=row.has_usable_password(),
        roles=role_views(row),
        last_login=row.last_login,
        date_joined=row.date_joined,
    )


def _written(row: User, revision: int | None) -> UserWritten:
    return UserWritten(
        username=row.username,
        email=row.email,
        is_superuser=row.is_superuser,
        has_password=row.has_usable_password(),
        roles=role_views(row),
        last_login=row.last_login,
        date_joined=row.date_joined,
        revision=revision,
    )
