"""Signing in with a real OpenID Connect provider, and everything that must not sign anybody in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
import pytest
import requests
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pytest_django import Settings as Override

from meshui.accounts import openid, provider
from meshui.accounts.models import Federated, Session, User
from meshui.accounts.services import admin_ensure
from meshui.core.models import Change

ROLES = "mesh-admins=admin,shop-ops=operator@shop,shop-ops=viewer@bank"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


def variables(issuer: str, **changes: str) -> dict[str, str]:
    told = {"MESHUI_OIDC_ISSUER": issuer, "MESHUI_OIDC_CLIENT_ID": "meshui", "MESHUI_OIDC_CLIENT_SECRET": "hush"}
    return told | changes


@pytest.fixture
def configure(issuer: str, settings: Override, db: None, clean_cache: None) -> Callable[..., None]:
    openid._client.cache_clear()

    def to(**changes: str) -> None:
        sso = provider.read(variables(issuer, **changes), demo=False)
        settings.MESHUI = replace(settings.MESHUI, single_sign_on=sso, public_url="http://testserver")

    to()
    return to


def is_known(issuer: str, subject: str, **claims: Any) -> None:
    requests.put(f"{issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()


class Browser:
    """Follows the redirects between us and the provider, where ``subject`` says yes."""

    def __init__(self) -> None:
        self.client = Client(REMOTE_ADDR="10.1.1.1", HTTP_USER_AGENT="Firefox")

    def begin(self, path: str = "/") -> str:
        answer = self.client.get("/api/v1/auth/oidc/", {"next": path})
        assert answer.status_code == 302
        return str(answer["Location"])

    def agreed(self, address: str, subject: str) -> str:
        answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def back(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 302, answer.content
        return str(answer["Location"])

    def sign_in(self, subject: str, path: str = "/") -> str:
        return self.back(self.agreed(self.begin(path), subject))

    def me(self) -> Any:
        return self.client.get("/api/v1/auth/me/")


def test_who_the_provider_knows_signs_in_and_goes_on_where_they_wanted(issuer: str, configure: Any) -> None:
    configure(MESHUI_OIDC_ROLES=ROLES)
    is_known(issuer, "s-1", preferred_username="bea", email="bea@x.test", email_verified=True, groups=["shop-ops"])
    browser = Browser()
    assert browser.sign_in("s-1", "/services?search=a") == "/services?search=a"
    me = browser.me().json()
    assert (me["username"], me["email"]) == ("bea", "bea@x.test")
    assert me["permissions"] == {"shop": ["catalog.write", "traffic.write", "view"], "bank": ["view"]}
    assert [(row.action, row.actor) for row in Change.objects.order_by("id")] == [
        ("user.create", "system:single sign-on"),
        ("user.update", "system:single sign-on"),
    ]
    session = Session.objects.exclude(user=None).get()
    assert (session.user.username, session.address, session.agent) == ("bea", "10.1.1.1", "Firefox")


def test_the_way_to_the_provider_is_protected(issuer: str, configure: Any) -> None:
    address = Browser().begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{issuer}/")
    assert asked["redirect_uri"] == "http://testserver/api/v1/auth/oidc/callback/"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(asked["state"]) >= 20 and len(asked["nonce"]) >= 20


def test_roles_follow_the_groups_at_each_sign_in(issuer: str, configure: Any) -> None:
    configure(MESHUI_OIDC_ROLES=ROLES)
    is_known(issuer, "s-2", preferred_username="cy", groups=["mesh-admins"])
    Browser().sign_in("s-2")
    is_known(issuer, "s-2", preferred_username="another name", groups="shop-ops")
    browser = Browser()
    browser.sign_in("s-2")
    assert set(browser.me().json()["permissions"]) == {"shop", "bank"}
    assert User.objects.get().username == "cy"  # who one is does not hang on a name
    count = Change.objects.count()
    browser.sign_in("s-2")
    assert Change.objects.count() == count
    is_known(issuer, "s-2", groups=["others"])
    assert Browser().sign_in("s-2") == "/login?error=no_role"


def test_without_a_table_of_roles_an_administrator_gives_them(issuer: str, configure: Any) -> None:
    is_known(issuer, "s-3", email="dan@x.test", groups=["mesh-admins"])
    browser = Browser()
    assert browser.sign_in("s-3") == "/"
    me = browser.me().json()
    assert (me["username"], me["permissions"], me["email"]) == ("dan@x.test", {}, "")  # the address is not verified


def test_nobody_takes_a_user_over_by_name(issuer: str, configure: Any) -> None:
    admin_ensure("admin", "correct-horse-battery")
    is_known(issuer, "s-4", preferred_username="admin", email="admin")
    browser = Browser()
    assert browser.sign_in("s-4") == "/login?error=name_taken"
    assert browser.me().status_code == 401
    assert not Federated.objects.exists()


def test_who_was_switched_off_stays_out(issuer: str, configure: Any) -> None:
    Browser().sign_in("s-5@x.test")
    User.objects.update(is_active=False)
    assert Browser().sign_in("s-5@x.test") == "/login?error=inactive"


def test_a_password_does_not_sign_in_who_came_from_the_provider(issuer: str, configure: Any) -> None:
    Browser().sign_in("s-6@x.test")
    user = User.objects.get()
    assert not user.has_usable_password()
    assert not user.check_password("")


def test_a_code_is_worth_nothing_in_another_browser_or_twice(issuer: str, configure: Any) -> None:
    victim, thief = Browser(), Browser()
    address = victim.agreed(victim.begin(), "s-7@x.test")
    thief.begin()
    assert thief.back(address).startswith("/login?error=")  # its state is not the thief's
    assert thief.me().status_code == 401
    assert victim.back(address) == "/"
    assert Browser().back(address).startswith("/login?error=")
    assert victim.back(address).startswith("/login?error=")


@pytest.mark.parametrize("path", ["https://evil.test/", "//evil.test/", "/\\evil.test/", "javascript:alert(1)", "x"])
def test_a_sign_in_leads_nowhere_else(issuer: str, configure: Any, path: str) -> None:
    assert Browser().sign_in("s-8@x.test", path) == "/"


def test_one_who_says_no_comes_back_to_the_login_page(issuer: str, configure: Any) -> None:
    browser = Browser()
    answer = requests.post(browser.begin(), data={"action": "deny"}, allow_redirects=False, timeout=10)
    assert browser.back(answer.headers["Location"]) == "/login?error=refused"


def forged(make: Callable[[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Sign in where the provider's ID token is replaced; where one ends up."""
    client = openid._client(settings.MESHUI.single_sign_on)
    fetch = client.fetch_access_token

    def fetched(*args: Any, **kwargs: Any) -> Any:
        token = fetch(*args, **kwargs)
        return {"access_token": token["access_token"], "id_token": make(_claims(token["id_token"]))}

    monkeypatch.setattr(client, "fetch_access_token", fetched)
    return Browser().sign_in("s-9@x.test")


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


KEY = RSAKey.generate_key(2048)
FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "another key": lambda claims: jwt.encode({"alg": "RS256"}, claims, KEY),
    "no signature": lambda claims: (
        "eyJhbGciOiJub25lIn0." + jwt.encode({"alg": "RS256"}, claims, KEY).split(".")[1] + "."
    ),
    "a shared secret": lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("hush" * 8)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_signs_nobody_in(
    issuer: str, configure: Any, monkeypatch: pytest.MonkeyPatch, forgery: str
) -> None:
    assert forged(FORGERIES[forgery], monkeypatch) == "/login?error=provider"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"aud": "other"}, {"aud": ["other"], "azp": "meshui"}, {"iss": "https://evil.test"}, {"exp": 1}, {"nonce": "x"}],
    ids=["audience", "party", "issuer", "expired", "nonce"],
)
def test_a_good_signature_on_wrong_claims_signs_nobody_in(
    issuer: str, configure: Any, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    def sign(claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "k"}, claims | wrong, KEY)

    client = openid._client(settings.MESHUI.single_sign_on)
    ours = {"keys": [KEY.as_dict(private=False) | {"kid": "k"}]}
    monkeypatch.setattr(client, "fetch_jwk_set", lambda force=False: ours)
    assert forged(sign, monkeypatch) == "/login?error=provider"
    assert not User.objects.exists()


def test_the_same_with_right_claims_signs_in(issuer: str, configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above fails for the claims and nothing else."""
    client = openid._client(settings.MESHUI.single_sign_on)
    ours = {"keys": [KEY.as_dict(private=False) | {"kid": "k"}]}
    monkeypatch.setattr(client, "fetch_jwk_set", lambda force=False: ours)
    assert forged(lambda claims: jwt.encode({"alg": "RS256", "kid": "k"}, claims, KEY), monkeypatch) == "/"


def test_a_provider_that_is_away_is_said(configure: Any, settings: Override) -> None:
    sso = provider.read(variables("http://localhost:1"), demo=False)
    settings.MESHUI = replace(settings.MESHUI, single_sign_on=sso)
    answer = Client().get("/api/v1/auth/oidc/")
    assert (answer.status_code, answer["Location"]) == (302, "/login?error=unavailable")


def test_without_a_provider_there_is_nothing_of_it(db: None) -> None:
    client = Client()
    assert client.get("/api/v1/auth/methods/").json() == {"password": True, "oidc": None}
    assert client.get("/api/v1/auth/oidc/").status_code == 404
    assert client.get("/api/v1/auth/oidc/callback/").status_code == 404


def test_the_login_page_learns_of_the_provider(configure: Any) -> None:
    configure(MESHUI_OIDC_NAME="Acme")
    assert Client().get("/api/v1/auth/methods/").json() == {"password": True, "oidc": "Acme"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MESHUI_OIDC_ISSUER", "http://login.example.com"),
        ("MESHUI_OIDC_ISSUER", "login.example.com"),
        ("MESHUI_OIDC_CLIENT_ID", ""),
        ("MESHUI_OIDC_ROLES", "admins"),
        ("MESHUI_OIDC_ROLES", "admins=root"),
        ("MESHUI_OIDC_ROLES", "ops=operator@"),
        ("MESHUI_OIDC_ROLES", "ops=operator@Shop"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=variable.replace("_ID", "")[:17]):
        provider.read(variables("https://login.example.com") | {variable: value}, demo=False)
