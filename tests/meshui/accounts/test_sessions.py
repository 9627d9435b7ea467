"""Signing in and out in a browser: CSRF, throttling, and what a session is worth afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from meshui.accounts import throttle
from meshui.accounts.models import Session, User
from meshui.accounts.services import admin_ensure, sessions_forget
from meshui.accounts.tasks import forget_old_sessions
from meshui.core.models import Change
from tests.support.api import Api

PASSWORD = "correct-horse-battery"


class Browser:
    """Keeps cookies, and sends the CSRF token as the dashboard does."""

    def __init__(self, address: str = "10.1.1.1") -> None:
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")

    def send(self, method: str, path: str, body: object, *, csrf: bool = True, **headers: str) -> Any:
        token = self.client.cookies.get("csrftoken")
        if csrf and token is not None:
            headers["X-CSRFToken"] = token.value
        return self.client.generic(
            method, f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
        )

    def login(self, username: str = "ana", password: str = PASSWORD, *, csrf: bool = True) -> Any:
        return self.send("POST", "auth/login/", {"username": username, "password": password}, csrf=csrf)


@pytest.fixture
def ana(db: None, clean_cache: None) -> User:
    return admin_ensure("ana", PASSWORD)


@pytest.fixture
def browser(ana: User) -> Browser:
    browser = Browser()
    assert browser.get("auth/me/").status_code == 401
    return browser


def test_the_first_look_sets_the_csrf_cookie_and_login_answers_who_one_is(browser: Browser) -> None:
    done = browser.login()
    assert done.status_code == 200
    shown = done.json()
    assert (shown["username"], shown["is_superuser"]) == ("ana", True)
    assert shown["permissions"] == {
        "*": ["catalog.write", "security.write", "traffic.write", "users.write", "view"],
    }
    assert shown["csrf"]
    assert browser.get("auth/me/").json()["username"] == "ana"


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    (cookie,) = [morsel for name, morsel in browser.login().cookies.items() if name.startswith("meshui_session")]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_login_needs_the_csrf_token(browser: Browser) -> None:
    refused = browser.login(csrf=False)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")


def test_a_write_in_a_session_needs_the_csrf_token(browser: Browser) -> None:
    browser.login()
    refused = browser.send("POST", "namespaces/", {"name": "shop"}, csrf=False)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert browser.send("POST", "namespaces/", {"name": "shop"}).status_code == 201


def test_another_site_may_not_write(browser: Browser) -> None:
    browser.login()
    refused = browser.send("POST", "namespaces/", {"name": "shop"}, Origin="https://evil.example")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize(("username", "password"), [("ana", "wrong-password"), ("nobody", PASSWORD)])
def test_wrong_credentials_do_not_say_what_was_wrong(browser: Browser, username: str, password: str) -> None:
    refused = browser.login(username, password)
    shown = refused.json()
    assert (refused.status_code, shown["code"], shown["errors"]) == (400, "invalid_credentials", [])
    assert shown["detail"] == "wrong username or password"


def test_a_cookie_stolen_before_logout_is_worth_nothing_after(browser: Browser) -> None:
    browser.login()
    thief = Browser()
    thief.client.cookies.update(dict(browser.client.cookies))
    assert thief.get("auth/me/").status_code == 200
    assert browser.send("POST", "auth/logout/", {}).status_code == 204
    assert thief.get("auth/me/").status_code == 401
    assert browser.get("auth/me/").status_code == 401


def test_a_new_password_ends_the_sessions(browser: Browser, ana: User) -> None:
    browser.login()
    admin_ensure("ana", "another-long-password")
    assert browser.get("auth/me/").status_code == 401


def test_repeated_failures_lock_the_account_even_for_the_right_password(browser: Browser) -> None:
    for _ in range(throttle.ACCOUNT_LIMIT):
        assert browser.login(password="wrong-password").status_code == 400
    refused = browser.login()
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 0 < int(refused.headers["Retry-After"]) <= throttle.FIRST_PAUSE_S + 1
    elsewhere = Browser("10.9.9.9")
    elsewhere.get("auth/me/")
    assert elsewhere.login().status_code == 429


def test_the_lock_holds_for_tokens_too(browser: Browser) -> None:
    for _ in range(throttle.ACCOUNT_LIMIT):
        browser.login(password="wrong-password")
    body = {"username": "ana", "password": PASSWORD, "name": "ci", "expires_in": 60}
    assert browser.send("POST", "auth/token/", body).status_code == 429


def test_spelling_the_name_in_another_case_does_not_get_round_the_lock(browser: Browser) -> None:
    for _ in range(throttle.ACCOUNT_LIMIT):
        browser.login("ANA", "wrong-password")
    assert browser.login().status_code == 429


def test_many_accounts_from_one_address_lock_the_address(browser: Browser) -> None:
    for number in range(throttle.ADDRESS_LIMIT):
        throttle.failed(f"user{number}", "10.1.1.1")
    assert browser.login().status_code == 429
    elsewhere = Browser("10.9.9.9")
    elsewhere.get("auth/me/")
    assert elsewhere.login().status_code == 200


def test_further_failures_lengthen_the_pause(clean_cache: None) -> None:
    for _ in range(throttle.ACCOUNT_LIMIT + 2):
        throttle.failed("ana", "10.1.1.1")
    with pytest.raises(throttle.Throttled) as refused:
        throttle.check("ana", "10.2.2.2")
    assert throttle.FIRST_PAUSE_S * 2 < refused.value.retry_after <= throttle.FIRST_PAUSE_S * 4 + 1


def test_a_good_login_forgets_the_failures(browser: Browser) -> None:
    for _ in range(throttle.ACCOUNT_LIMIT - 1):
        browser.login(password="wrong-password")
    assert browser.login().status_code == 200
    for _ in range(throttle.ACCOUNT_LIMIT - 1):
        assert browser.login(password="wrong-password").status_code == 400
    assert browser.login().status_code == 200


def test_when_the_pause_is_over_one_may_try_again(browser: Browser) -> None:
    for _ in range(throttle.ACCOUNT_LIMIT):
        browser.login(password="wrong-password")
    for key in cache._cache.get_client().scan_iter("*:lock"):  # type: ignore[attr-defined]
        cache._cache.get_client().delete(key)  # type: ignore[attr-defined]
    assert browser.login().status_code == 200


def test_a_deactivated_user_is_out_at_once(browser: Browser, ana: User) -> None:
    browser.login()
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert browser.get("auth/me/").status_code == 401


def test_the_password_is_kept_as_argon2(ana: User) -> None:
    assert ana.password.startswith("argon2$")


def test_one_sees_where_one_is_signed_in_and_ends_a_session(browser: Browser) -> None:
    browser.login()
    elsewhere = Browser("10.9.9.9")
    elsewhere.client.defaults["HTTP_USER_AGENT"] = "Phone/1.0"
    elsewhere.get("auth/me/")
    elsewhere.login()
    newest, first = browser.get("sessions/").json()["results"]
    assert (newest["address"], newest["agent"], newest["current"]) == ("10.9.9.9", "Phone/1.0", False)
    assert (first["address"], first["current"]) == ("10.1.1.1", True)
    keys = {morsel.value for name, morsel in elsewhere.client.cookies.items() if name.startswith("meshui_session")}
    assert not any(key in str(newest) for key in keys)
    assert browser.send("DELETE", f"sessions/{newest['id']}/?reason=lost", {}).status_code == 204
    assert elsewhere.get("auth/me/").status_code == 401
    assert browser.get("auth/me/").status_code == 200
    change = Change.objects.latest("id")
    assert (change.action, change.object, change.reason) == ("session.end", "user:ana", "lost")
    assert browser.send("DELETE", f"sessions/{newest['id']}/", {}).status_code == 404


def test_one_signs_out_everywhere_but_here(browser: Browser) -> None:
    browser.login()
    others = [Browser(f"10.2.2.{n}") for n in range(3)]
    for other in others:
        other.get("auth/me/")
        other.login()
    assert browser.send("DELETE", "sessions/", {}).json() == {"count": 3}
    assert [other.get("auth/me/").status_code for other in others] == [401] * 3
    assert browser.get("auth/me/").status_code == 200


def test_only_who_administers_users_sees_and_ends_the_sessions_of_others(browser: Browser, viewer: Api) -> None:
    browser.login()
    assert viewer.get("sessions/?username=ana").status == 403
    assert viewer.call("DELETE", "sessions/?username=ana").status == 403
    (session,) = browser.get("sessions/").json()["results"]
    assert viewer.call("DELETE", f"sessions/{session['id']}/").status == 404  # not among their own
    chief = Api(admin_ensure("chief", "another-long-password"))
    assert [each["id"] for each in chief.get("sessions/?username=ana").body["results"]] == [session["id"]]
    assert chief.call("DELETE", f"sessions/{session['id']}/?username=ana").status == 204
    assert browser.get("auth/me/").status_code == 401


def test_a_session_tells_when_it_was_last_used(browser: Browser) -> None:
    browser.login()
    long_ago = timezone.now() - timedelta(hours=2)
    Session.objects.update(last_seen_at=long_ago, created_at=long_ago)
    browser.get("namespaces/")
    row = Session.objects.get()
    assert timezone.now() - row.last_seen_at < timedelta(minutes=1)
    assert row.created_at == long_ago


def test_expired_sessions_are_forgotten(browser: Browser) -> None:
    browser.login()
    assert sessions_forget() == 0
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert browser.get("auth/me/").status_code == 401
    forget_old_sessions()
    assert not Session.objects.exists()
