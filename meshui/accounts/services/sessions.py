"""Sessions end: one's own, or, for who may administer users, anybody's."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from meshui.accounts.models import Session, User
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import NotFound


def session_end(*, actor: Actor, user: User, session_id: str, reason: str = "") -> None:
    """End one of a user's sessions. Raises PermissionDenied, NotFound."""
    if not _end(actor, user, user.sessions.filter(public_id=session_id), reason):
        raise NotFound(f"no session {session_id}")


def sessions_end(*, actor: Actor, user: User, keep: str = "", reason: str = "") -> int:
    """End a user's sessions but for the one with the public id ``keep``; how many. Raises PermissionDenied."""
    return _end(actor, user, user.sessions.exclude(public_id=keep), reason)


def sessions_forget() -> int:
    """Delete the sessions that have expired; how many."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]


def _end(actor: Actor, user: User, rows: QuerySet[Session], reason: str) -> int:
    if actor.name != user.username:
        actor.require("users.write")
    with commit(actor=actor, action="session.end", obj=f"user:{user.username}", reason=reason) as change:
        count = rows.delete()[0]
        change.summary = f"ended {count} session{'' if count == 1 else 's'} of {user.username}"
        if not count:
            change.unchanged()
    return count
