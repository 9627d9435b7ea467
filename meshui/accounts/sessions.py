"""The session engine (``SESSION_ENGINE``): Django's, in a table that also tells whose session it is, from where it was
opened and when it was last used. Deleting a row ends the session at its next request."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY, login
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.http import HttpRequest
from django.utils import timezone

from meshui.accounts.models import Session, User

ADDRESS, AGENT = "address", "agent"
MAX_AGENT = 300
LAST_SEEN_STEP = timedelta(minutes=1)
"""How exact ``last_seen_at`` is: a session in use costs one write a minute."""


class SessionStore(db.SessionStore):
    """``row`` is what the database held when the session was read; None before that."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.user_id = data.get(SESSION_KEY)
        row.address = data.get(ADDRESS, "")
        row.agent = data.get(AGENT, "")
        row.public_id = public_id(str(row.session_key))
        if self.row is not None:
            row.created_at = self.row.created_at
        return row

    def _get_session_from_db(self) -> Session | None:
        self.row = super()._get_session_from_db()  # type: ignore[misc]
        return self.row


def public_id(key: str) -> str:
    """What a session is called where its key must not be seen."""
    return hashlib.sha256(f"session {key}".encode()).hexdigest()[:32]


def open_session(request: HttpRequest, user: User, address: str) -> None:
    """Sign a user in, under a new key."""
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session[ADDRESS] = address
    request.session[AGENT] = request.headers.get("User-Agent", "")[:MAX_AGENT]


def seen(session: Any) -> None:
    """Note that a session that was read is in use."""
    row: Session | None = getattr(session, "row", None)
    now = timezone.now()
    if row is not None and now - row.last_seen_at >= LAST_SEEN_STEP:
        Session.objects.filter(pk=row.pk).update(last_seen_at=now)
