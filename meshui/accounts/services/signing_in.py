"""Passwords are checked here and nowhere else, so that every attempt is counted."""

from __future__ import annotations

from django.contrib import auth

from meshui.accounts import throttle
from meshui.accounts.models import User
from meshui.core.errors import InvalidInput


def authenticate(*, username: str, password: str, address: str) -> User:
    """The user. Raises Throttled, and InvalidInput ``invalid_credentials``, which does not say which was wrong."""
    throttle.check(username, address)
    # Spends the time of a hash for an unknown name too.
    user = auth.authenticate(username=username, password=password)
    if not isinstance(user, User):
        throttle.failed(username, address)
        raise InvalidInput("wrong username or password", code="invalid_credentials")
    throttle.succeeded(username)
    return user
