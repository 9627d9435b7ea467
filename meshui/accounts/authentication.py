"""How a request becomes a user: a session with CSRF, or a bearer token."""

from __future__ import annotations

from rest_framework import authentication


class SessionAuthentication(authentication.SessionAuthentication):
    """A browser's session."""


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: object) -> None:
        return None
