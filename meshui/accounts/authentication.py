"""How a request becomes a user and an actor: a session with CSRF, or a bearer token.

Both put the actor on ``request.auth``, where ``core.api.actors.actor_of`` finds it. The WebSocket consumer, which has
no such request, calls ``bearer`` itself.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from rest_framework import authentication
from rest_framework.request import Request

from meshui.accounts.actors import actor_of
from meshui.accounts.models import ApiToken, User
from meshui.accounts.sessions import seen
from meshui.core.actors import Actor
from meshui.core.errors import CsrfFailed, NotAuthenticated

TOKEN_PREFIX = "mui_"  # noqa: S105 - how a token begins, no token
LAST_USED_STEP = timedelta(minutes=1)
"""How exact ``last_used_at`` is: a token used at every request costs one write a minute."""


class SessionAuthentication(authentication.BaseAuthentication):
    """A browser's session. A request that may change something carries the CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        user = request._request.user
        if not isinstance(user, User) or not user.is_active:
            return None
        check_csrf(request._request)
        seen(request._request.session)
        return user, actor_of(user, address_of(request))


class TokenAuthentication(authentication.BaseAuthentication):
    """``Authorization: Bearer mui_...``"""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        user = bearer(header)
        return user, actor_of(user, address_of(request))

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="meshui"'


def bearer(header: str) -> User:
    """The user of an Authorization header. Raises NotAuthenticated, and does not say what was wrong with the token."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(TOKEN_PREFIX):
        raise NotAuthenticated("expected a bearer token")
    now = timezone.now()
    row = (
        ApiToken.objects.select_related("user")
        .filter(digest=digest(token), expires_at__gt=now, user__is_active=True)
        .first()
    )
    if row is None:
        raise NotAuthenticated("the token is unknown, expired or revoked")
    if row.last_used_at is None or now - row.last_used_at >= LAST_USED_STEP:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user


def digest(token: str) -> str:
    """What the database keeps of a token. Its 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def address_of(request: Request | HttpRequest) -> str:
    """The client's address as the server saw it; no header is believed here."""
    return str(request.META.get("REMOTE_ADDR", ""))


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:  # type: ignore[override]
        return reason


def check_csrf(request: HttpRequest) -> None:
    """Raise CsrfFailed unless the request is safe or carries the CSRF token and a trusted origin."""

    def handler(_: HttpRequest) -> HttpResponse:
        return HttpResponse()

    check = _CsrfCheck(handler)
    check.process_request(request)
    # REST framework's views are exempt from the middleware; this is the check that it would have made.
    reason = check.process_view(request, handler, (), {})
    if reason:
        raise CsrfFailed(str(reason))
