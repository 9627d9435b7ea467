"""Reads of users, their roles, sessions and tokens."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from meshui.accounts.models import ApiToken, RoleGrant, Session, User
from meshui.core.actors import Actor
from meshui.core.errors import NotFound
from meshui.core.versions import etag


def users(actor: Actor, *, search: str = "") -> QuerySet[User]:
    """All users with their roles. Raises PermissionDenied."""
    actor.require("users.write")
    rows = User.objects.prefetch_related("grants")
    return rows.filter(username__icontains=search) if search else rows


def get_user(username: str) -> User:
    """Raises NotFound."""
    row = User.objects.prefetch_related("grants").filter(username=username).first()
    if row is None:
        raise NotFound(f"no user {username}")
    return row


def grants_of(user: User) -> list[RoleGrant]:
    """In a stable order."""
    return sorted(user.grants.all(), key=lambda grant: (grant.namespace, grant.role))


def user_version(user: User) -> str:
    return etag([user.email, user.is_active, [[grant.role, grant.namespace] for grant in grants_of(user)]])


def sessions(user: User) -> QuerySet[Session]:
    """A user's sessions that have not expired."""
    return user.sessions.filter(expire_date__gt=timezone.now())


def tokens(user: User) -> QuerySet[ApiToken]:
    """The user's own tokens that have not expired."""
    return ApiToken.objects.filter(user=user, expires_at__gt=timezone.now())
