"""Addresses that users name, by which only we could reach something: asked of a deployment through its API."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_django import Settings

from meshui.catalog.models import Service
from meshui.core import outgoing
from meshui.security.models import JwtProvider
from tests.support.api import Api, everything, make_user
from tests.support.receiver import receiver

PROVIDER = {
    "name": "corp",
    "issuer": "https://id.example.com",
    "audiences": ["a"],
    "algorithms": ["RS256"],
    "jwks": None,
    "refresh_s": 60,
}


@pytest.fixture
def guard(catalog: Service) -> Api:
    """May write security everywhere."""
    return Api(make_user("sam", ("security", "")))


@pytest.fixture
def allow(settings: Settings) -> Callable[..., None]:
    def allow(*entries: str) -> None:
        settings.MESHUI = replace(settings.MESHUI, outgoing_allow=entries)

    return allow


OURS = ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "localhost", "[::1]", "[::ffff:127.0.0.1]"]
"""Where the control plane, PostgreSQL and Redis listen, as people would write it."""
OTHERS = [
    "169.254.169.254",
    "[fd00:ec2::254]",
    "168.63.129.16",
    "10.0.0.1",
    "[fe80::1]",
    "0.0.0.0",
    "[64:ff9b::7f00:1]",
]


@pytest.mark.parametrize("host", [*OURS, *OTHERS])
@pytest.mark.parametrize("port", ["", ":8000", ":6379"])
def test_keys_of_tokens_are_not_asked_for_behind_our_walls(guard: Api, host: str, port: str) -> None:
    """Refused when it is written where it says so, else when its name has been resolved; a connection never begins."""
    before = everything()
    answer = guard.post("jwt-providers/", PROVIDER | {"jwks_url": f"https://{host}{port}/keys"})
    if answer.status == 400:
        assert "jwks_url" in answer.paths()
        assert everything() == before
        return
    assert answer.status == 201
    told = guard.post("jwt-providers/corp/refresh/", {}).body["fetch_error"]
    assert "public" in told, told
    assert not JwtProvider.objects.get().keys


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://x/", "ftp://x/", "unix:///run/x", "//x", "https://a@b/"]
)
def test_only_http_is_asked(guard: Api, url: str) -> None:
    before = everything()
    assert guard.post("jwt-providers/", PROVIDER | {"jwks_url": url}).status == 400
    assert everything() == before


def test_an_answer_that_unpacks_is_not_unpacked(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    packed = gzip.compress(bytes(50_000_000))
    with receiver(answer=packed) as (url, server):
        body = outgoing.get(f"{url}/keys", {}).body
        sent = {name.lower() for name in server.seen[0][1]}
    assert len(body) <= outgoing.MAX_ANSWER
    assert packed.startswith(body)
    assert "gzip" not in json.dumps(server.seen[0][1]) and "authorization" not in sent


def test_no_proxy_of_the_environment_carries_our_requests(
    allow: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its resolver would judge the name a second time, as it likes."""
    allow("127.0.0.1")
    with receiver() as (trap, trapped), receiver() as (url, server):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, trap)
        assert outgoing.get(url, {}).ok
        assert len(server.seen) == 1 and trapped.seen == []
