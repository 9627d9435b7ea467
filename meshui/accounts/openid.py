"""The conversation with the OpenID Connect provider: authorization code with PKCE, state and nonce, by Authlib.

Who the claims make of somebody is ``services.federation``'s business.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from joserfc.errors import JoseError

from meshui.accounts.provider import SingleSignOn
from meshui.core.errors import Unavailable

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""What an ID token may be signed with: never a shared secret, never nothing."""
TIMEOUT_S = 10


class SignInRefused(Exception):
    """The provider, or what it sent, does not sign anybody in. ``code`` is what the login page explains."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def begin(request: HttpRequest) -> HttpResponseBase:
    """The redirect to the provider. Raises Unavailable while it cannot be asked where that is."""
    try:
        client = _client(_provider())
        _metadata(client)
        answer: HttpResponseBase = client.authorize_redirect(request, callback_url())
    except (requests.RequestException, ValueError) as error:
        raise Unavailable("the sign-in provider does not answer") from error
    return answer


def finish(request: HttpRequest) -> dict[str, Any]:
    """The verified claims of who comes back. Raises SignInRefused."""
    sso = _provider()
    client = _client(sso)
    try:
        metadata = _metadata(client)
        # The library takes a token for another client where that names us as its party.
        meant = {"iss": {"value": metadata["issuer"]}, "aud": {"value": sso.client_id}}
        token = client.authorize_access_token(request, claims_options=meant)
        claims = dict(token.get("userinfo") or {})
        if not claims:
            raise SignInRefused("provider", "the provider sent no ID token")
        if sso.roles and sso.groups_claim not in claims and "userinfo_endpoint" in metadata:
            more = client.userinfo(token=token)
            if more.get("sub") == claims.get("sub"):  # OpenID Connect Core 5.3.2: else it is another's
                claims = {**more, **claims}
    except OAuthError as error:
        raise SignInRefused("refused", f"the provider says {error.error}") from error
    except (requests.RequestException, JoseError, ValueError, KeyError) as error:
        raise SignInRefused("provider", f"the provider's answer is of no use: {error}") from error
    return claims


def callback_url() -> str:
    """Where the provider sends people back to: what is registered there."""
    return f"{settings.MESHUI.public_url}/api/v1/auth/oidc/callback/"


def _provider() -> SingleSignOn:
    sso: SingleSignOn | None = settings.MESHUI.single_sign_on
    assert sso is not None, "the views ask first"
    return sso


@lru_cache(maxsize=2)
def _client(sso: SingleSignOn) -> Any:
    return OAuth().register(
        "oidc",
        client_id=sso.client_id,
        client_secret=sso.client_secret or None,
        server_metadata_url=sso.metadata_url,
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_S,
            "token_endpoint_auth_method": "client_secret_basic" if sso.client_secret else "none",
        },
        overwrite=True,
    )


def _metadata(client: Any) -> dict[str, Any]:
    """The provider's metadata, of which only some algorithms are taken. Raises RequestException, ValueError."""
    metadata: dict[str, Any] = client.load_server_metadata()
    if str(metadata.get("issuer", "")).rstrip("/") != _provider().issuer:
        raise ValueError(f"the provider calls itself {metadata.get('issuer')!r}")
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in ALGORITHMS]
    return metadata
