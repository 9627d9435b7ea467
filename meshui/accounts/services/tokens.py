"""API tokens. Only their digest is kept; the token itself is shown once."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils import timezone

from meshui.accounts.authentication import TOKEN_PREFIX, digest
from meshui.accounts.models import ApiToken, User
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import InvalidInput, NotFound

MAX_EXPIRES_S = 366 * 86_400


def token_create(*, actor: Actor, user: User, name: str, expires_in: int) -> tuple[ApiToken, str]:
    """The row and the token, good for ``expires_in`` seconds; it can do what its owner can. Raises InvalidInput."""
    if not 1 <= expires_in <= MAX_EXPIRES_S:
        raise InvalidInput.field("expires_in", "range", f"expected 1 to {MAX_EXPIRES_S} seconds")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with commit(actor=actor, action="token.create", obj=f"user:{user.username}") as change:
        row = ApiToken.objects.create(
            user=user, name=name, digest=digest(token), expires_at=timezone.now() + timedelta(seconds=expires_in)
        )
        change.summary = f"token {name}"
        change.after = {"id": str(row.pk), "name": name, "expires_in": expires_in}
    return row, token


def token_revoke(*, actor: Actor, user: User, token_id: int) -> None:
    """Revoke one of the user's own. Raises NotFound, also for another's."""
    with commit(actor=actor, action="token.revoke", obj=f"user:{user.username}") as change:
        row = ApiToken.objects.filter(user=user, pk=token_id).first()
        if row is None:
            raise NotFound("no such token")
        change.summary = f"revoked token {row.name}"
        change.before = {"id": str(row.pk), "name": row.name}
        row.delete()
