"""What a proxy's Redis user may do, tried on the server itself, and all that it may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from meshui.core.redis import client
from meshui.delivery import access
from meshui.delivery.access import sync_users
from meshui.delivery.limits import ensure_function
from meshui.delivery.services import proxy_evict
from proxies.wire import keys
from tests.meshui.delivery.world import ACTOR, World
from tests.support.poll import until


@pytest.fixture
def proxy(world: World) -> Iterator[redis.Redis]:
    """The connection of ``px-a``, a proxy of shop/catalog; ``px-b`` is one of shop/cart."""
    world.add_proxy("shop/catalog", "px-a")
    world.add_proxy("shop/cart", "px-b")
    sync_users()
    ensure_function()
    with login("px-a") as connection:
        yield connection


def login(proxy_id: str, password: str = "secret") -> redis.Redis:
    server = redis.connection.parse_url(settings.MESHUI.redis_url)
    return redis.Redis(host=server["host"], port=server["port"], username=proxy_id, password=password)


OWN = "mesh:limit:in:shop/catalog:a:1"
CALLED = "mesh:limit:out:shop/cart:default:a:1"


def count(connection: redis.Redis, *places: str) -> object:
    return connection.fcall(keys.LIMIT_FUNCTION, len(places), *places, *["1000000.0", "9000000.0"] * len(places))


ALLOWED: list[Callable[[redis.Redis], object]] = [
    lambda r: r.ping(),
    lambda r: r.get(keys.REVISION),
    lambda r: r.mget("mesh:res:service:shop/cart", "mesh:res:endpoints:shop/cart"),
    lambda r: r.mget("mesh:res:trust", "mesh:res:directory"),
    lambda r: r.get("mesh:res:inbound:shop/catalog"),
    lambda r: r.get("mesh:res:proxy:px-a"),
    lambda r: r.xadd(keys.ACK, {"d": "x"}, maxlen=100, approximate=True),
    lambda r: r.xadd(keys.telemetry("px-a"), {"d": "x"}, maxlen=100, approximate=True),
    lambda r: subscribe(r, "SUBSCRIBE", "mesh:hint:trust", "mesh:hint:directory", "mesh:hint:service:shop/cart"),
    lambda r: subscribe(r, "SUBSCRIBE", "mesh:hint:proxy:px-a", "mesh:hint:inbound:shop/catalog"),
    lambda r: subscribe(r, "PSUBSCRIBE", "mesh:hint:service:*", "mesh:hint:endpoints:*"),
    lambda r: subscribe(r, "SUBSCRIBE", "mesh:tap:shop/catalog"),
    lambda r: count(r, OWN),
    lambda r: count(r, CALLED, OWN),
]

OTHER_SHARD = next(f"mesh:telemetry:{n}" for n in range(8) if keys.telemetry("px-a") != f"mesh:telemetry:{n}")

REFUSED: dict[str, Callable[[redis.Redis], object]] = {
    "another proxy's resource": lambda r: r.get("mesh:res:proxy:px-b"),
    "another service's inbound": lambda r: r.get("mesh:res:inbound:shop/cart"),
    "writing a resource": lambda r: r.set("mesh:res:service:shop/cart", "x"),
    "writing its own resource": lambda r: r.set("mesh:res:proxy:px-a", "x"),
    "deleting a resource": lambda r: r.delete("mesh:res:service:shop/cart"),
    "writing the revision": lambda r: r.set(keys.REVISION, "9:9"),
    "reading acknowledgements": lambda r: r.xrange(keys.ACK),
    "reading its own telemetry": lambda r: r.xrange(keys.telemetry("px-a")),
    "another shard of telemetry": lambda r: r.xadd(OTHER_SHARD, {"d": "x"}),
    "frames": lambda r: r.xadd(keys.FRAMES, {"d": "x"}),
    "trimming": lambda r: r.xtrim(keys.ACK, maxlen=0),
    "keys": lambda r: r.keys("*"),
    "scan": lambda r: r.scan(),
    "flushall": lambda r: r.flushall(),
    "config": lambda r: r.config_get("*"),
    "info": lambda r: r.info(),
    "acl": lambda r: r.acl_list(),
    "client list": lambda r: r.client_list(),
    "eval": lambda r: r.eval("return 1", 0),
    "Celery's database": lambda r: r.execute_command("SELECT", 1),
    "publishing": lambda r: r.publish("mesh:hint:trust", b"x"),
    "another's hints": lambda r: subscribe(r, "SUBSCRIBE", "mesh:hint:proxy:px-b"),
    "another service's taps": lambda r: subscribe(r, "SUBSCRIBE", "mesh:tap:shop/cart"),
    "everyone's taps": lambda r: subscribe(r, "PSUBSCRIBE", "mesh:tap:*"),
    "ordering a tap": lambda r: r.publish("mesh:tap:shop/catalog", b"x"),
    "copies that were tapped": lambda r: r.xrange("mesh:tapped:1"),
    "forging copies": lambda r: r.xadd("mesh:tapped:1", {"b": "x"}),
    "everyone's hints": lambda r: subscribe(r, "PSUBSCRIBE", "mesh:hint:*"),
    "what another service receives": lambda r: count(r, "mesh:limit:in:shop/cart:a:1"),
    "a count among other keys": lambda r: count(r, "mesh:acl"),
    "a count where it reports": lambda r: count(r, keys.ACK),
    "a count over a resource": lambda r: count(r, OWN, "mesh:res:trust"),
    "writing where it reports": lambda r: r.set(keys.ACK, "x"),
    "writing another's count": lambda r: r.set("mesh:limit:in:shop/cart:a:1", "x"),
    "deleting a count": lambda r: r.delete(OWN),
    "streams among counts": lambda r: r.xadd(OWN, {"d": "x"}),
    "a script of its own": lambda r: r.eval("return redis.call('SET', KEYS[1], '1')", 1, OWN),
    "loading a script": lambda r: r.script_load("return 1"),
    "functions of its own": lambda r: r.function_load("#!lua name=x\nredis.register_function('x', function() end)"),
    "the functions there are": lambda r: r.function_list(),
    "removing functions": lambda r: r.function_delete("meshui"),
    "read-only calls": lambda r: r.fcall_ro(keys.LIMIT_FUNCTION, 1, OWN),
    "live topics": lambda r: subscribe(r, "SUBSCRIBE", "mesh:live"),
}


def subscribe(connection: redis.Redis, verb: str, *channels: str) -> object:
    """Ask and read every answer, so that a refusal is raised here."""
    raw: Any = connection.connection_pool.get_connection()
    try:
        raw.send_command(verb, *channels)
        return [raw.read_response(push_request=True) for _ in channels]
    finally:
        raw.disconnect()
        connection.connection_pool.release(raw)


@pytest.mark.parametrize("use", ALLOWED)
def test_a_proxy_may_follow_and_report(proxy: redis.Redis, use: Callable[[redis.Redis], object]) -> None:
    use(proxy)


@pytest.mark.parametrize("what", REFUSED)
def test_a_proxy_may_do_nothing_else(proxy: redis.Redis, what: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        REFUSED[what](proxy)


def test_another_password_is_no_login(proxy: redis.Redis) -> None:
    with login("px-a", "guess") as other, pytest.raises(redis.AuthenticationError):
        other.ping()


def test_an_evicted_proxy_is_cut_off_at_once(proxy: redis.Redis) -> None:
    proxy.ping()
    connected = [c for c in client().client_list() if c["user"] == "px-a"]
    assert connected
    proxy_evict(actor=ACTOR, proxy_id="px-a")
    until(lambda: not [c for c in client().client_list() if c["user"] == "px-a"], "its connections are closed")
    with pytest.raises(redis.AuthenticationError):
        proxy.ping()


def test_rules_that_another_release_granted_are_renewed_once(
    world: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_proxy("shop/catalog", "px-a")
    with monkeypatch.context() as former:
        former.setattr(access, "COMMANDS", ("+ping", "+hello", "+auth"))
        sync_users()
        with login("px-a") as connection, pytest.raises(redis.exceptions.NoPermissionError):
            connection.get(keys.REVISION)
    assert sync_users() == 1
    with login("px-a") as connection:
        connection.get(keys.REVISION)
    assert sync_users() == 0
