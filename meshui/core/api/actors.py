"""Who sent a request."""

from __future__ import annotations

from rest_framework.request import Request

from meshui.core.actors import Actor
from meshui.core.errors import NotAuthenticated


def actor_of(request: Request) -> Actor:
    """The actor that authentication put on the request (``request.auth``). Raises NotAuthenticated."""
    if not isinstance(request.auth, Actor):
        raise NotAuthenticated("sign in, or send a bearer token")
    return request.auth
