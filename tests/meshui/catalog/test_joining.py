"""Join tokens and proxies: one use is one proxy, and a proxy takes the place of its former self."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from meshui.catalog.models import Instance, JoinToken, Proxy, Service
from meshui.catalog.services import (
    Registered,
    instance_register,
    join_token_consume,
    join_token_create,
    namespace_create,
    proxy_evict,
    proxy_register,
    service_create,
    service_delete,
)
from meshui.core.actors import Actor
from meshui.core.errors import InvalidInput, NotAuthenticated, NotFound
from meshui.core.models import Outbox
from meshui.traffic.services import HostRule, gateway_put
from proxies.wire.resources import GatewayListener, InboundListener, OutboundListener
from tests.support.api import Api, everything, make_user

BODY = {"service": "shop/catalog", "version": "v1", "uses": 1, "ttl_s": 600}


def dirty() -> set[str]:
    return {f"{row.kind}:{row.name}" for row in Outbox.objects.all()}


def join(actor: Actor, name: str = "one", port: int = 20001, **changes: str) -> Registered:
    listeners = [
        InboundListener(address="127.0.0.1", port=port, service="shop/catalog", app_port=9000),
        OutboundListener(port=port + 1),
    ]
    asked = {"service": "shop/catalog", "version": "v1", "redis_password_sha256": "0" * 64} | changes
    return proxy_register(actor=actor, name=name, listeners=listeners, **asked)


@pytest.fixture
def guard(catalog: Service) -> Api:
    """May write security in ``shop``."""
    return Api(make_user("sam", ("security", "shop")))


def test_a_token_is_shown_once_and_kept_as_a_digest(guard: Api) -> None:
    made = guard.post("join-tokens/", BODY)
    assert made.status == 201
    assert made.body["token"].startswith("mjt_")
    (shown,) = guard.get("join-tokens/").body["results"]
    assert "token" not in shown
    assert (shown["state"], shown["uses_left"], shown["created_by"]) == ("active", 1, "sam")
    assert made.body["token"] not in str(everything())


def test_operators_make_no_join_tokens(operator: Api) -> None:
    assert operator.post("join-tokens/", BODY).status == 403


@pytest.mark.parametrize(
    ("change", "path"), [({"uses": 0}, "uses"), ({"ttl_s": 0}, "ttl_s"), ({"version": "v9"}, "version")]
)
def test_a_bad_token_is_refused(guard: Api, change: dict[str, object], path: str) -> None:
    before = everything()
    assert list(guard.post("join-tokens/", BODY | change).paths()) == [path]
    assert everything() == before


def test_a_token_is_used_up_and_its_state_says_so(guard: Api, root: Actor) -> None:
    _, token = join_token_create(actor=root, service="shop/catalog", version="v2", uses=2)
    used = join_token_consume(token)
    assert (str(used.service), used.version.name, used.uses_left) == ("shop/catalog", "v2", 1)
    join_token_consume(token)
    with pytest.raises(NotAuthenticated):
        join_token_consume(token)
    assert guard.get("join-tokens/").body["results"][0]["state"] == "used"


def test_an_expired_token_lets_nobody_in(guard: Api, root: Actor) -> None:
    _, token = join_token_create(actor=root, service="shop/catalog", version="v1")
    JoinToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotAuthenticated):
        join_token_consume(token)
    assert guard.get("join-tokens/").body["results"][0]["state"] == "expired"


def test_a_revoked_token_lets_nobody_in(guard: Api, root: Actor) -> None:
    row, token = join_token_create(actor=root, service="shop/catalog", version="v1")
    assert guard.call("DELETE", f"join-tokens/{row.pk}/").status == 204
    with pytest.raises(NotAuthenticated):
        join_token_consume(token)
    assert guard.get("join-tokens/").body["results"][0]["state"] == "revoked"


@pytest.mark.django_db(transaction=True)
def test_two_proxies_cannot_both_take_the_last_use(servers: object, root: Actor) -> None:
    namespace_create(actor=root, name="shop")
    service_create(actor=root, service="shop/catalog")
    _, token = join_token_create(actor=root, service="shop/catalog", version="v1", uses=3)
    start = threading.Barrier(6)
    outcomes: list[bool] = []

    def consume() -> None:
        start.wait()
        try:
            join_token_consume(token)
            outcomes.append(True)
        except NotAuthenticated:
            outcomes.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=consume) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 3 + [True] * 3


def test_a_proxy_registers_with_the_instance_behind_it(catalog: Service, root: Actor) -> None:
    Outbox.objects.all().delete()
    done = join(root)
    assert done.replaced == ()
    assert dirty() == {f"proxy:{done.proxy.pk}", "endpoints:shop/catalog"}
    instance = Instance.objects.get()
    assert (instance.pk, instance.proxy_id, instance.address, instance.port) == (
        done.proxy.pk,
        done.proxy.pk,
        "127.0.0.1",
        20001,
    )
    assert done.proxy.listener("inbound")["app_port"] == 9000  # type: ignore[index]


def test_joining_again_under_a_name_replaces_the_former(catalog: Service, root: Actor) -> None:
    first = join(root)
    Outbox.objects.all().delete()
    second = join(root, port=20005)
    assert second.replaced == (first.proxy.pk,)
    assert [proxy.pk for proxy in Proxy.objects.all()] == [second.proxy.pk]
    assert [instance.port for instance in Instance.objects.all()] == [20005]
    assert dirty() == {f"proxy:{first.proxy.pk}", f"proxy:{second.proxy.pk}", "endpoints:shop/catalog"}


def test_joining_at_an_address_replaces_whoever_was_there(catalog: Service, root: Actor) -> None:
    first = join(root)
    assert join(root, name="two").replaced == (first.proxy.pk,)
    Proxy.objects.all().delete()
    instance_register(actor=root, service="shop/catalog", version="v1", address="127.0.0.1", port=20001)
    done = join(root, name="three")
    assert [instance.pk for instance in Instance.objects.all()] == [done.proxy.pk]


def test_a_proxy_may_not_listen_for_another_service(catalog: Service, root: Actor) -> None:
    listener = InboundListener(address="10.0.0.1", port=1, service="bank/ledger", app_port=2)
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        proxy_register(
            actor=root,
            service="shop/catalog",
            version="v1",
            name="one",
            listeners=[listener],
            redis_password_sha256="0" * 64,
        )
    assert refused.value.errors[0].path == "listeners.0.service"
    assert everything() == before


def test_an_unknown_version_or_service_registers_nothing(catalog: Service, root: Actor) -> None:
    before = everything()
    with pytest.raises(InvalidInput):
        join(root, version="v9")
    with pytest.raises(NotFound):
        proxy_register(
            actor=root, service="shop/none", version="v1", name="one", listeners=[], redis_password_sha256="0" * 64
        )
    assert everything() == before


def test_eviction_takes_the_instance_along(catalog: Service, root: Actor) -> None:
    proxy = join(root).proxy
    Outbox.objects.all().delete()
    assert proxy_evict(actor=root, proxy_id=proxy.pk, dry_run=True) is None
    assert Proxy.objects.exists()
    assert proxy_evict(actor=root, proxy_id=proxy.pk, reason="gone")
    assert not Proxy.objects.exists()
    assert not Instance.objects.exists()
    assert dirty() == {f"proxy:{proxy.pk}", "endpoints:shop/catalog"}


def test_a_service_goes_with_its_proxies(catalog: Service, root: Actor) -> None:
    proxy = join(root).proxy
    Outbox.objects.all().delete()
    service_delete(actor=root, service="shop/catalog")
    assert f"proxy:{proxy.pk}" in dirty()
    assert not Proxy.objects.exists()


def test_a_gateways_proxy_has_no_instance(catalog: Service, root: Actor) -> None:
    gateway_put(actor=root, gateway="shop/edge", hosts=[HostRule("*", "shop/catalog")])
    _, token = join_token_create(actor=root, service="shop/edge", version="v1")
    assert str(join_token_consume(token).service) == "shop/edge"
    done = proxy_register(
        actor=root,
        service="shop/edge",
        version="v1",
        name="edge",
        listeners=[GatewayListener(address="127.0.0.1", port=8080, hosts=[])],
        redis_password_sha256="0" * 64,
    )
    assert done.proxy.kind == "gateway"
    assert not Instance.objects.exists()
