"""Signing in with an OpenID Connect provider. A browser goes to these itself: they answer with redirects, and a sign-in
that fails ends on the login page, which says why."""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponseBase, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from msgspec import Meta
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.accounts import openid
from meshui.accounts.authentication import address_of
from meshui.accounts.provider import SingleSignOn
from meshui.accounts.services import user_of_claims
from meshui.accounts.sessions import open_session
from meshui.core.api.bodies import Body, View, query
from meshui.core.api.operations import operation
from meshui.core.errors import MeshError, NotFound, Unavailable

log = logging.getLogger(__name__)

NEXT = "sign_in_next"
UNDER_WAY_S = 600
"""How long the provider may take with somebody."""


class MethodsView(View, frozen=True, kw_only=True):
    """``oidc`` is what the provider is called; null where there is none."""

    password: bool
    oidc: str | None


class BeginQuery(Body, frozen=True, kw_only=True):
    next: Annotated[str, Meta(max_length=2000, description="A path of the dashboard to go on to.")] = "/"


class Methods(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("sign_in_methods", answer=MethodsView)
    def get(self, request: Request) -> Response:
        """How one may sign in here."""
        sso = settings.MESHUI.single_sign_on
        return Response(MethodsView(password=True, oidc=sso.name if sso is not None else None))


class Begin(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("oidc_begin", query=BeginQuery, status=302)
    def get(self, request: Request) -> HttpResponseBase:
        """To the provider; 404 where there is none."""
        _require_provider()
        session = request._request.session
        session.set_expiry(UNDER_WAY_S)
        session[NEXT] = _local(query(request, BeginQuery).next)
        try:
            return openid.begin(request._request)
        except Unavailable as error:
            return _failed("unavailable", error)


class Callback(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("oidc_callback", status=302)
    def get(self, request: Request) -> HttpResponseBase:
        """Back from the provider, with a code that is exchanged for who it is."""
        sso = _require_provider()
        target = _local(request._request.session.pop(NEXT, "/"))
        try:
            user = user_of_claims(openid.finish(request._request), sso)
        except openid.SignInRefused as error:
            return _failed(error.code, error)
        except MeshError as error:
            return _failed(error.code, error)
        request._request.session.set_expiry(None)
        open_session(request._request, user, address_of(request))
        return HttpResponseRedirect(target)


def _require_provider() -> SingleSignOn:
    sso: SingleSignOn | None = settings.MESHUI.single_sign_on
    if sso is None:
        raise NotFound("no provider is set up")
    return sso


def _failed(code: str, error: Exception) -> HttpResponseRedirect:
    log.warning("nobody signed in: %s", error)
    return HttpResponseRedirect(f"/login?{urlencode({'error': code})}")


def _local(path: str) -> str:
    """A path of this dashboard; anything else is its first page."""
    return path if path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None) else "/"
