"""Who comes into the mesh, and what a proxy of it may do in Redis: over HTTP and on the server itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from meshui.catalog.models import JoinToken, Proxy
from meshui.config.environment import with_database
from meshui.delivery.acks import verified
from meshui.security.models import IssuedCertificate
from proxies.wire import keys
from proxies.wire.reports import MAX_ENTRY_BYTES, Ack, Acks, entry
from tests.meshui.delivery.test_access import login
from tests.meshui.delivery.test_joining import INBOUND, OUTBOUND, make_csr, token
from tests.meshui.delivery.world import World
from tests.support.http import post


@pytest.fixture
def join(live_server: LiveServer, world: World) -> Callable[..., tuple[int, Any]]:
    """Knock at the door with a token; the key is a new one."""

    def join(text: str, **changed: Any) -> tuple[int, Any]:
        csr = make_csr(ec.generate_private_key(ec.SECP256R1()))
        body = {"token": text, "csr": csr, "name": "catalog-1", "listeners": [INBOUND, OUTBOUND]} | changed
        return post(f"{live_server.url}/api/v1/proxies/join/", body)

    return join


Join = Callable[..., tuple[int, Any]]


def nobody_joined() -> bool:
    return not Proxy.objects.exists() and not IssuedCertificate.objects.exists()


def test_a_token_is_good_once(join: Join) -> None:
    once = token()
    assert join(once)[0] == 200
    status, refused = join(once, name="catalog-2", listeners=[OUTBOUND])
    assert (status, refused["code"]) == (401, "not_authenticated")
    assert Proxy.objects.count() == IssuedCertificate.objects.count() == 1


def test_a_token_that_expired_lets_nobody_in(join: Join) -> None:
    old = token()
    JoinToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert join(old)[0] == 401
    assert nobody_joined()


def test_a_token_for_another_service_lets_nobody_in(join: Join) -> None:
    status, refused = join(token(service="shop/cart"), service="shop/catalog")
    assert (status, refused["errors"][0]["code"]) == (400, "other_service")
    assert nobody_joined()
    assert JoinToken.objects.get().uses_left == 1


@pytest.mark.parametrize("text", ["", "mjt_", "mjt_" + "A" * 43, "x" * 100_000, "mjt_\0", "' OR 1=1 --"])
def test_what_is_no_token_lets_nobody_in(join: Join, text: str) -> None:
    assert join(text)[0] in (400, 401)
    assert nobody_joined()


def test_refusals_do_not_tell_tokens_apart(join: Join) -> None:
    used, old = token(), token()
    assert join(used)[0] == 200
    JoinToken.objects.exclude(uses_left=0).update(expires_at=timezone.now() - timedelta(seconds=1))
    told = [join(text, name="x", listeners=[OUTBOUND])[1] for text in (used, old, "mjt_" + "A" * 43)]
    assert told[0] == told[1] == told[2]


def test_a_message_that_is_too_large_is_refused_unread(live_server: LiveServer, world: World) -> None:
    status, refused = post(f"{live_server.url}/api/v1/proxies/join/", b'{"token": "' + b"x" * 3_000_000 + b'"}')
    assert (status, refused["code"]) == (413, "too_large")


# --- Redis


@pytest.fixture
def proxy(world: World, store: redis.Redis, join: Join) -> Iterator[redis.Redis]:
    """The connection of a proxy of shop/catalog that joined over HTTP."""
    _, joined = join(token())
    with login(joined["redis_username"], joined["redis_password"]) as connection:
        yield connection


QUEUE = "meshui"
"""Celery's."""
REACHING: dict[str, Callable[[redis.Redis], object]] = {
    "choosing its database": lambda r: r.execute_command("SELECT", 1),
    "copying over": lambda r: r.execute_command("COPY", keys.REVISION, QUEUE, "DB", 1),
    "moving over": lambda r: r.execute_command("MOVE", keys.ACK, 1),
    "exchanging databases": lambda r: r.execute_command("SWAPDB", 0, 1),
    "a job in the queue": lambda r: r.lpush(QUEUE, "{}"),
    "a job out of the queue": lambda r: r.brpop([QUEUE], timeout=1),
    "the list of queues": lambda r: r.smembers("_kombu.binding.meshui"),
    "replicating": lambda r: r.execute_command("REPLICAOF", "127.0.0.1", 1),
    "a dump": lambda r: r.execute_command("DUMP", keys.REVISION),
    "monitoring": lambda r: r.execute_command("MONITOR"),
    "shutting down": lambda r: r.execute_command("SHUTDOWN"),
    "modules": lambda r: r.execute_command("MODULE", "LIST"),
    "more rights": lambda r: r.execute_command("ACL", "SETUSER", "x", "on"),
}


@pytest.mark.parametrize("what", REACHING)
def test_a_proxy_reaches_neither_celerys_queues_nor_the_server(proxy: redis.Redis, what: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        REACHING[what](proxy)


@pytest.mark.parametrize(("username", "password"), [(None, None), ("default", ""), ("default", "default"), ("x", "x")])
def test_a_stranger_gets_no_configuration(proxy: redis.Redis, username: str | None, password: str | None) -> None:
    """Where a proxy follows its configuration, nobody else does: without a login not even a PING is answered."""
    server = redis.connection.parse_url(settings.MESHUI.redis_url)
    stranger = redis.Redis(host=server["host"], port=server["port"], username=username, password=password)
    with stranger, pytest.raises((redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError)):
        stranger.get("mesh:res:trust")


def test_the_servers_own_password_is_told_to_no_proxy(join: Join) -> None:
    _, joined = join(token())
    password = redis.connection.parse_url(settings.MESHUI.redis_url).get("password")
    assert password and password not in str(joined)
    assert joined["redis_username"] == joined["proxy_id"]
    assert with_database(joined["redis_url"], 0).count("@") == 0


def test_a_report_signed_by_one_proxy_does_not_count_for_another(join: Join) -> None:
    _, mine = join(token())
    _, other = join(token(service="shop/cart"), name="cart-1", listeners=[OUTBOUND])
    from_me = signed_acks(mine["report_key"], mine["proxy_id"])
    assert verified(from_me) is not None
    assert verified(signed_acks(mine["report_key"], other["proxy_id"])) is None
    assert verified({**from_me, b"d": from_me[b"d"] + b" "}) is None


def test_a_report_that_is_too_large_is_dropped_unread(join: Join) -> None:
    """However well it is signed."""
    _, joined = join(token())
    key = bytes.fromhex(joined["report_key"])
    ack = Ack("service:shop/catalog", 1, 1, "v" * 64, "ack")
    small, large = (entry(key, Acks(joined["proxy_id"], [ack] * count)) for count in (1, 20_000))
    assert len(large[b"d"]) > MAX_ENTRY_BYTES
    assert verified(small) is not None
    assert verified(large) is None


def signed_acks(report_key: str, proxy_id: str) -> dict[bytes, bytes]:
    return entry(bytes.fromhex(report_key), Acks(proxy_id, []))
