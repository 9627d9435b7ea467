"""Proxies, revisions and the mesh as the API shows them, each in a fixed number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from meshui.accounts.models import RoleGrant
from meshui.catalog.models import Proxy
from meshui.delivery import applied
from meshui.delivery.publish import push
from meshui.delivery.settle import open_revisions, settle
from proxies.agent import identity
from proxies.wire.release import VERSION
from tests.meshui.delivery.test_acks import answer
from tests.meshui.delivery.world import World


@pytest.fixture
def client(world: World) -> APIClient:
    return signed_in("admin", role="admin")


def signed_in(name: str, *, role: str, namespace: str = "") -> APIClient:
    user = get_user_model().objects.create_user(username=name, password="a long pass phrase")
    RoleGrant.objects.create(user=user, role=role, namespace=namespace)
    client = APIClient()
    client.force_login(user)
    return client


def seen(*proxies: str, seconds_ago: float = 0) -> None:
    Proxy.objects.filter(pk__in=proxies).update(last_seen_at=timezone.now() - timedelta(seconds=seconds_ago))


def test_a_revision_counts_who_took_refused_awaits_and_is_away(
    world: World, client: APIClient, store: redis.Redis
) -> None:
    for proxy in ("px-a", "px-b", "px-c", "px-d"):
        world.add_proxy("shop/catalog", proxy)
    push()
    revision = world.set_split({"v1": 50, "v2": 50})
    push()
    seen("px-a", "px-b", "px-c")
    seen("px-d", seconds_ago=11)
    applied.write([answer(store, "px-a"), answer(store, "px-b", status="nack", error="odd")])

    shown = client.get(f"/api/v1/revisions/{revision}/").json()
    assert shown["proxies"] == {"total": 4, "acked": 1, "nacked": 1, "waiting": 1, "offline": 1}
    assert shown["state"] == "partial"
    assert {each["proxy"]: each["status"] for each in shown["detail"]} == {
        "px-a": "acked",
        "px-b": "nacked",
        "px-c": "waiting",
        "px-d": "offline",
    }
    assert shown["detail"][0]["error"] == "odd"
    assert shown["applied_at"] is None and shown["published_at"] is not None and shown["change_id"]


def test_offline_proxies_hold_nothing_up_and_are_never_counted_as_acked(world: World, store: redis.Redis) -> None:
    world.add_proxy("shop/catalog", "px-a")
    world.add_proxy("shop/catalog", "px-b")
    push()
    revision = world.set_split({"v1": 50, "v2": 50})
    push()
    seen("px-a")
    seen("px-b", seconds_ago=11)
    applied.write([answer(store, "px-a")])
    assert revision in settle(open_revisions())


def test_a_later_acknowledgement_settles_the_earlier_revision(world: World, store: redis.Redis) -> None:
    world.add_proxy("shop/catalog", "px-a")
    push()
    first = world.set_split({"v1": 50, "v2": 50})
    push()
    second = world.set_split({"v1": 40, "v2": 60})
    push()
    seen("px-a")
    applied.write([answer(store, "px-a")])
    assert {first, second} <= set(settle(open_revisions()))


def test_only_a_services_own_proxies_follow_its_inbound(world: World, client: APIClient) -> None:
    world.add_proxy("shop/catalog", "px-a")
    world.add_proxy("shop/cart", "px-b")
    push()
    revision = world.touch(("inbound", "shop/cart"))
    push()
    assert [d["proxy"] for d in client.get(f"/api/v1/revisions/{revision}/").json()["detail"]] == ["px-b"]
    own = world.touch(("proxy", "px-a"))
    push()
    assert [d["proxy"] for d in client.get(f"/api/v1/revisions/{own}/").json()["detail"]] == ["px-a"]


def test_a_refused_push_is_failed_with_its_reason(world: World, client: APIClient) -> None:
    push()
    revision = world.break_routes()
    push()
    shown = client.get(f"/api/v1/revisions/{revision}/").json()
    assert shown["state"] == "failed" and "v9" in shown["error"]


def test_a_proxy_shows_what_it_waits_for_and_what_it_refused(
    world: World, client: APIClient, store: redis.Redis
) -> None:
    world.add_proxy("shop/catalog", "px-a")
    push()
    seen("px-a")
    everything = ["directory", "proxy:px-a", "inbound:shop/catalog"]
    everything += [f"{kind}:shop/{name}" for kind in ("service", "endpoints") for name in ("catalog", "cart")]
    assert set(client.get("/api/v1/proxies/px-a/").json()["sync"]["waiting"]) == set(everything)
    assert client.get("/api/v1/proxies/px-a/").json()["sync"]["state"] == "syncing"

    applied.write([answer(store, "px-a", resource) for resource in everything])
    sync = client.get("/api/v1/proxies/px-a/").json()["sync"]
    assert (sync["state"], sync["applied_revision"]) == ("synced", sync["desired_revision"])

    world.set_split({"v1": 50, "v2": 50})
    push()
    applied.write([answer(store, "px-a", status="nack", error="odd")])
    sync = client.get("/api/v1/proxies/?state=refused").json()["results"][0]["sync"]
    assert sync["state"] == "refused"
    assert (sync["refused"][0]["resource"], sync["refused"][0]["error"]) == ("service:shop/catalog", "odd")
    assert client.get("/api/v1/info/").json()["sync"] == {"proxies": 1, "synced": 0, "refused": 1, "offline": 0}


@pytest.mark.parametrize("path", ["proxies/", "proxies/px-0/", "proxies/px-0/config/", "revisions/", "info/"])
def test_a_fixed_number_of_queries(world: World, client: APIClient, path: str) -> None:
    world.add_proxy("shop/catalog", "px-0")
    push()
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert client.get(f"/api/v1/{path}").status_code == 200
    for number in range(1, 6):
        world.add_proxy("shop/cart", f"px-{number}")
        world.add_service(f"shop/s{number}", {"v1": 100})
    push()
    with CaptureQueriesContext(connection) as many:
        assert client.get(f"/api/v1/{path}").status_code == 200
    assert len(many) == len(few) <= 8


def test_lists_are_paged_and_filtered(world: World, client: APIClient) -> None:
    world.add_proxy("shop/catalog", "px-a")
    world.add_proxy("shop/cart", "px-b")
    push()
    first = client.get("/api/v1/proxies/?page_size=1").json()
    assert [each["id"] for each in first["results"]] == ["px-a"]
    assert [each["id"] for each in client.get(first["next"]).json()["results"]] == ["px-b"]
    for query, expected in (("service=shop/cart", ["px-b"]), ("search=catal", ["px-a"]), ("namespace=other", [])):
        assert [each["id"] for each in client.get(f"/api/v1/proxies/?{query}").json()["results"]] == expected
    newest = client.get("/api/v1/revisions/?page_size=2").json()["results"]
    assert [each["revision"] for each in newest] == [4, 3]


def test_other_namespaces_are_not_shown(world: World) -> None:
    world.add_proxy("shop/catalog", "px-a")
    push()
    stranger = signed_in("eve", role="viewer", namespace="elsewhere")
    assert stranger.get("/api/v1/proxies/").json()["results"] == []
    assert stranger.get("/api/v1/proxies/px-a/").status_code == 404
    assert stranger.get("/api/v1/proxies/px-a/config/").status_code == 404


def test_evicting_needs_the_permission_and_removes_the_proxy(world: World, client: APIClient) -> None:
    world.add_proxy("shop/catalog", "px-a")
    push()
    assert signed_in("ana", role="operator").delete("/api/v1/proxies/px-a/").status_code == 403
    assert client.delete("/api/v1/proxies/px-a/?dry_run=1").status_code == 204
    assert Proxy.objects.exists()
    assert client.delete("/api/v1/proxies/px-a/?reason=gone").status_code == 204
    assert not Proxy.objects.exists()


def test_the_release_has_one_version(world: World, client: APIClient) -> None:
    assert client.get("/api/v1/info/").json()["version"] == VERSION
    assert identity.VERSION is VERSION, "what a proxy says when it joins"
