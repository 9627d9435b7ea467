"""API tokens: made once, hashed, ended by time or hand, and no more than their owner may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from meshui.accounts.models import ApiToken, User
from meshui.accounts.services import admin_ensure
from tests.support.api import Api, make_token, make_user

PASSWORD = "correct-horse-battery"


@pytest.fixture
def ana(db: None, clean_cache: None) -> User:
    return admin_ensure("ana", PASSWORD)


def _with(token: str) -> Api:
    api = Api()
    api.headers = {"Authorization": f"Bearer {token}"}
    return api


def test_a_password_buys_a_token_that_works(ana: User) -> None:
    body = {"username": "ana", "password": PASSWORD, "name": "ci", "expires_in": 60}
    made = Api().post("auth/token/", body)
    assert (made.status, made.body["name"]) == (201, "ci")
    assert made.body["token"].startswith("mui_")
    assert _with(made.body["token"]).get("auth/me/").body["username"] == "ana"
    assert made.body["token"] not in str(ApiToken.objects.values())


def test_a_wrong_password_buys_nothing(ana: User) -> None:
    body = {"username": "ana", "password": "wrong-password", "name": "ci", "expires_in": 60}
    assert Api().post("auth/token/", body).body["code"] == "invalid_credentials"
    assert not ApiToken.objects.exists()


def test_one_sees_and_revokes_ones_own_tokens_alone(ana: User) -> None:
    api, other = Api(ana), Api(make_user("bob"))
    made = api.post("tokens/", {"name": "ci", "expires_in": 60}).body
    names = [token["name"] for token in api.get("tokens/").body["results"]]
    assert names == ["ci", "test"]
    assert "token" not in api.get("tokens/").body["results"][0]
    assert other.call("DELETE", f"tokens/{made['id']}/").status == 404
    assert _with(made["token"]).get("auth/me/").status == 200
    assert api.call("DELETE", f"tokens/{made['id']}/").status == 204
    assert _with(made["token"]).get("auth/me/").status == 401


def test_an_expired_token_is_no_token(ana: User) -> None:
    assert _with(make_token(ana, expires_in=-1)).get("auth/me/").status == 401


@pytest.mark.parametrize(
    "header", ["Bearer mui_unknown", "Bearer ", "Basic YTpi", "Bearer x", "mui_x", "Bearer mui_\u00e9"]
)
def test_what_is_no_token_is_refused_everywhere(ana: User, header: str) -> None:
    api = Api()
    api.headers = {"Authorization": header}
    for path in ("services/", "auth/me/"):
        refused = api.get(path)
        assert (refused.status, refused.body["code"]) == (401, "not_authenticated")


def test_the_token_of_a_deactivated_user_is_refused(ana: User) -> None:
    api = Api(ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert api.get("services/").status == 401


def test_last_used_is_noted_at_most_once_a_minute(ana: User) -> None:
    api = Api(ana)
    api.get("auth/me/")
    row = ApiToken.objects.get(user=ana)
    first = row.last_used_at
    assert first is not None
    api.get("auth/me/")
    row.refresh_from_db()
    assert row.last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    api.get("auth/me/")
    row.refresh_from_db()
    assert row.last_used_at > first


@pytest.mark.parametrize("seconds", [0, -1, 10**10, 1.5, "60"])
def test_a_token_ends_within_a_year(ana: User, seconds: object) -> None:
    assert Api(ana).post("tokens/", {"name": "x", "expires_in": seconds}).paths() == {"expires_in": "invalid"}


def test_a_token_follows_the_roles_of_its_owner(db: None, clean_cache: None) -> None:
    user = make_user("eve", ("viewer", ""))
    api = Api(user)
    assert api.get("auth/me/").body["permissions"] == {"*": ["view"]}
    user.grants.all().delete()
    assert api.get("auth/me/").body["permissions"] == {}
