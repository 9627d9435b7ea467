"""What people try with the API: a deployment's own process, over sockets, in sessions as browsers have them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from meshui.accounts.models import User
from meshui.catalog.models import Service
from tests.conformance.harness import Conversation, Response
from tests.support.api import everything, make_user
from tests.support.production import Web, web

PASSWORD = "correct-horse-battery"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def deployed(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    with web(tmp_path_factory.mktemp("people")) as running:
        yield running


@dataclass
class Browser:
    """Keeps cookies, and sends the CSRF token as the dashboard does."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: object = None, *lines: str, raw: bytes | None = None) -> Response:
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        fields = [f"host: 127.0.0.1:{self.port}", "connection: close", f"content-length: {len(data)}", *lines]
        if not any(line.lower().startswith("content-type:") for line in lines):
            fields.append("content-type: application/json")
        if self.cookies:
            fields.append("cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
            fields.append(f"x-csrftoken: {self.cookies.get('csrftoken', '')}")
        with Conversation.to(self.port) as client:
            client.send("\r\n".join([f"{method} /api/v1/{path} HTTP/1.1", *fields, "", ""]).encode() + data)
            answer = client.read_response()
        for line in answer.lines:
            name, _, value = line.partition(":")
            if name.lower() == "set-cookie":
                key, _, rest = value.strip().partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer

    def sign_in(self, username: str) -> Browser:
        self.send("GET", "auth/me/")
        answer = self.send("POST", "auth/login/", {"username": username, "password": PASSWORD})
        assert answer.status == 200, answer.body
        return self


@pytest.fixture
def browsers(deployed: Web, catalog: Service) -> Any:
    """Signs somebody in who has these roles."""

    def browsers(name: str, *roles: tuple[str, str]) -> Browser:
        user: User = make_user(name, *roles)
        user.set_password(PASSWORD)
        user.save()
        return Browser(deployed.port).sign_in(name)

    return browsers


SPLIT = "services/shop/catalog/split/"
GOOD = {"weights": {"v1": 50, "v2": 50}}


def test_a_session_that_was_stolen_ends_with_the_logout(browsers: Any) -> None:
    owner = browsers("olga", ("operator", "shop"))
    thief = Browser(owner.port, dict(owner.cookies))
    assert thief.send("GET", "auth/me/").status == 200
    assert owner.send("POST", "auth/logout/", {}).status == 204
    assert thief.send("GET", "auth/me/").status == 401
    before = everything()
    assert thief.send("PUT", SPLIT, GOOD, "if-match: *").status in (401, 403)
    assert everything() == before


def test_a_session_that_somebody_planted_is_not_signed_in(browsers: Any) -> None:
    other = browsers("vera", ("viewer", ""))
    browsers("olga", ("operator", "shop"))
    name = next(each for each in other.cookies if each.startswith("meshui_session"))
    for planted in ("a" * 32, other.cookies[name]):
        victim = Browser(other.port, {name: planted}).sign_in("olga")
        assert victim.cookies[name] != planted
        assert Browser(other.port, {name: planted}).send("GET", "auth/me/").status == 401


def test_who_views_writes_nothing(browsers: Any) -> None:
    viewer, before = browsers("vera", ("viewer", "")), everything()
    assert viewer.send("GET", SPLIT).status == 200
    assert viewer.send("PUT", SPLIT, GOOD, "if-match: *").status == 403
    assert viewer.send("POST", "users/", {"username": "eve", "password": PASSWORD, "roles": []}).status == 403
    assert everything() == before


def test_another_namespace_is_not_there(browsers: Any) -> None:
    outsider, before = browsers("otto", ("admin", "bank")), everything()
    hidden = outsider.send("GET", SPLIT)
    missing = outsider.send("GET", SPLIT.replace("catalog", "nothing"))
    assert hidden.status == missing.status == 404
    assert json.loads(hidden.body)["code"] == json.loads(missing.body)["code"]
    assert outsider.send("PUT", SPLIT, GOOD, "if-match: *").status == 404
    assert everything() == before


def test_a_stale_version_changes_nothing(browsers: Any) -> None:
    operator = browsers("olga", ("operator", "shop"))
    seen = operator.send("GET", SPLIT).headers["etag"]
    assert operator.send("PUT", SPLIT, GOOD, f"if-match: {seen}").status == 200
    before = everything()
    assert operator.send("PUT", SPLIT, {"weights": {"v1": 1, "v2": 99}}, f"if-match: {seen}").status == 412
    assert operator.send("PUT", SPLIT, {"weights": {"v1": 1, "v2": 99}}).status == 428
    assert everything() == before


def test_another_site_writes_nothing(browsers: Any) -> None:
    operator, before = browsers("olga", ("operator", "shop")), everything()
    assert operator.send("PUT", SPLIT, GOOD, "if-match: *", "origin: https://evil.example").status == 403
    form = ("if-match: *", "content-type: text/plain")
    assert operator.send("PUT", SPLIT, GOOD, *form).status in (400, 403, 415)
    del operator.cookies["csrftoken"]
    assert operator.send("PUT", SPLIT, GOOD, "if-match: *").status == 403
    assert everything() == before


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"weights": {"v1": 50, "v2": "' + b"x" * 3_000_000 + b'"}}', 413),
        (b"[" * 500_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"weights": {"v1": 1e400}}', 400),
        (b'{"weights": {"v1": NaN}}', 400),
        (b'{"weights": {"v1": ' + b"9" * 100_000 + b"}}", 400),
        (b"\xff\xfe", 400),
        (b"\x1f\x8b\x08\x00", 400),
    ],
)
def test_what_is_too_large_or_too_deep_is_refused(browsers: Any, raw: bytes, status: int) -> None:
    operator, before = browsers("olga", ("operator", "shop")), everything()
    assert operator.send("PUT", SPLIT, None, "if-match: *", raw=raw).status == status
    assert everything() == before


def test_a_packed_body_is_not_unpacked(browsers: Any) -> None:
    operator = browsers("olga", ("operator", "shop"))
    packed = gzip.compress(json.dumps(GOOD).encode())
    answer = operator.send("PUT", SPLIT, None, "if-match: *", "content-encoding: gzip", raw=packed)
    assert answer.status == 400


def test_a_page_of_another_site_opens_no_live_connection(browsers: Any) -> None:
    operator = browsers("olga", ("operator", "shop"))
    cookies = "; ".join(f"{name}={value}" for name, value in operator.cookies.items())

    def opened(origin: str) -> int:
        lines = [
            "GET /ws/live/ HTTP/1.1",
            f"host: 127.0.0.1:{operator.port}",
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            f"origin: {origin}",
            f"cookie: {cookies}",
        ]
        with Conversation.to(operator.port) as client:
            client.send("\r\n".join([*lines, "", ""]).encode())
            answer = client.read_response(bodyless=True)
            if answer.status != 101:
                return answer.status
            client.send(b"\x89\x80\0\0\0\0")
            return client.read(1)[0]

    closed, pong = 0x88, 0x8A
    assert opened("https://evil.example") in (403, closed)
    assert opened(f"http://127.0.0.1:{operator.port}") == pong
