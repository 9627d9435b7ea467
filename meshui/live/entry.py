"""Who may open the live connection: the origin of a page, and the person or token behind it."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from meshui.accounts.actors import actor_of
from meshui.accounts.authentication import bearer
from meshui.accounts.models import User
from meshui.core.actors import Actor
from meshui.core.errors import NotAuthenticated

Headers = Mapping[str, str]


def headers_of(scope: Mapping[str, Any]) -> Headers:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def is_allowed_origin(headers: Headers) -> bool:
    """Whether the page that opens the connection is ours. Browsers always say; other programs have no origin."""
    host = headers.get("host", "").lower()
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc.lower() == host or origin in settings.CSRF_TRUSTED_ORIGINS


def authenticate(headers: Headers) -> Actor:
    """The actor of a bearer token or a session, as they are now. Raises NotAuthenticated."""
    authorization = headers.get("authorization")
    user = bearer(authorization) if authorization else _session_user(headers.get("cookie", ""))
    return actor_of(user)


def _session_user(cookie: str) -> User:
    try:
        morsel = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        morsel = None
    if morsel is None:
        raise NotAuthenticated("sign in, or send a bearer token")
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        raise NotAuthenticated("the session has ended")
    return user
