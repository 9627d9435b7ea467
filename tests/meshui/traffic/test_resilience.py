"""Resilience over REST: from what is put to what proxies are told."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.models import Change, Mesh, Outbox
from meshui.delivery.build import build
from meshui.delivery.load import load
from meshui.traffic.models import TrafficRules
from proxies.wire import resilience as wire
from proxies.wire.resources import ServiceBody, ServiceResource
from tests.support.api import Api, everything

SERVICE = "services/shop/catalog/"
PATH = f"{SERVICE}resilience/"
DEFAULT: dict[str, Any] = {
    "connect_timeout_ms": 1000,
    "balancer": {
        "policy": "least_request",
        "hash": {"kind": "source", "name": ""},
        "slow_start_ms": 0,
        "panic_percent": 50,
    },
    "breaker": {"connections": 1024, "pending": 1024, "requests": 1024, "retries": 3},
    "retry_budget": {"percent": 20, "min": 3},
    "outlier": {
        "consecutive_5xx": 5,
        "consecutive_gateway": 5,
        "interval_ms": 10000,
        "eject_ms": 30000,
        "eject_max_ms": 300000,
        "max_percent": 10,
    },
    "health_check": None,
    "idle_timeout_ms": 3_600_000,
}
GUARDED: dict[str, Any] = {
    "connect_timeout_ms": 250,
    "balancer": {
        "policy": "maglev",
        "hash": {"kind": "cookie", "name": "u"},
        "slow_start_ms": 30000,
        "panic_percent": 20,
    },
    "breaker": {"connections": 10, "pending": 0, "requests": 20, "retries": 5},
    "retry_budget": None,
    "outlier": None,
    "health_check": {
        "kind": "http",
        "path": "/healthz",
        "interval_ms": 2000,
        "timeout_ms": 500,
        "healthy": 1,
        "unhealthy": 2,
        "jitter_percent": 0,
    },
    "idle_timeout_ms": 3_600_000,
}


def shown(api: Api) -> dict[str, Any]:
    body = dict(api.get(PATH).body)
    del body["version"]
    return body


def test_a_new_service_has_the_defaults_whole(operator: Api) -> None:
    assert shown(operator) == DEFAULT
    found = operator.get(PATH)
    assert found.etag == f'"{found.body["version"]}"'


def test_it_is_set_whole_and_reverted(operator: Api) -> None:
    Outbox.objects.all().delete()
    done = operator.change("PUT", PATH, {**GUARDED, "reason": "a busy evening"})
    assert (done.status, shown(operator), operator.get(PATH).etag) == (200, GUARDED, done.etag)
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("service", "shop/catalog")]
    change = Change.objects.get(revision_id=done.body["revision"])
    assert (change.action, change.reason, change.before) == ("resilience.set", "a busy evening", DEFAULT)
    assert operator.post(f"changes/{change.pk}/revert/", {}).status == 200
    assert shown(operator) == DEFAULT


def test_a_part_that_is_left_out_has_its_defaults_again(operator: Api) -> None:
    operator.change("PUT", PATH, GUARDED)
    operator.change("PUT", PATH, {"connect_timeout_ms": 250, "outlier": {"eject_ms": 5000}})
    outlier = {**DEFAULT["outlier"], "eject_ms": 5000}
    assert shown(operator) == {**DEFAULT, "connect_timeout_ms": 250, "outlier": outlier}


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ({"connect_timeout_ms": 5}, "connect_timeout_ms 1000 -> 5"),
        ({"breaker": {"requests": 9, "pending": 1}}, "breaker.pending 1024 -> 1, breaker.requests 1024 -> 9"),
        ({"outlier": None, "health_check": {}}, "outlier off, health_check on"),
        (
            {"balancer": {"policy": "maglev", "hash": {"kind": "header", "name": "x-user"}}},
            "balancer.policy least_request -> maglev, "
            "balancer.hash.kind source -> header, balancer.hash.name none -> x-user",
        ),
    ],
)
def test_the_change_log_says_what_is_another(operator: Api, sent: dict[str, Any], line: str) -> None:
    operator.change("PUT", PATH, {"connect_timeout_ms": 1000, **sent})
    assert Change.objects.latest("id").summary == line


def test_the_same_makes_no_revision(operator: Api) -> None:
    before = everything()
    assert operator.change("PUT", PATH, {"connect_timeout_ms": 1000}).body["revision"] is None
    assert everything() == before


def test_stale_and_missing_versions_dry_runs_and_who_may_not(operator: Api, viewer: Api, outsider: Api) -> None:
    stale = operator.get(PATH).etag
    operator.change("PUT", PATH, {"connect_timeout_ms": 5})
    before = everything()
    assert operator.call("PUT", PATH, GUARDED, If_Match=stale).status == 412
    assert operator.call("PUT", PATH, GUARDED).status == 428
    assert viewer.change("PUT", PATH, GUARDED).status == 403
    assert outsider.call("PUT", PATH, GUARDED, If_Match="*").status == 404
    dry = operator.change("PUT", f"{PATH}?dry_run=1", GUARDED)
    assert (dry.status, dry.body["revision"], dry.body["breaker"]) == (200, None, GUARDED["breaker"])
    assert everything() == before


@pytest.mark.parametrize(
    ("sent", "paths"),
    [
        ({"connect_timeout_ms": 0}, {"connect_timeout_ms": "invalid"}),
        ({"colour": 1}, {"colour": "unknown_field"}),
        ({"balancer": None}, {"balancer": "invalid"}),
        ({"balancer": {"policy": "best"}}, {"balancer.policy": "invalid"}),
        ({"balancer": {"policy": "maglev", "hash": {"kind": "cookie"}}}, {"balancer.hash.name": "required"}),
        ({"balancer": {"policy": "maglev", "hash": {"name": "x"}}}, {"balancer.hash.name": "unused"}),
        ({"balancer": {"policy": "maglev", "hash": {"ttl_s": 1}}}, {"balancer.hash.ttl_s": "unknown_field"}),
        ({"balancer": {"hash": {"kind": "header", "name": "x"}}}, {"balancer.hash": "unused"}),
        ({"balancer": {"slow_start_ms": -1}}, {"balancer.slow_start_ms": "invalid"}),
        ({"balancer": {"panic_percent": 101}}, {"balancer.panic_percent": "invalid"}),
        ({"breaker": {"requests": -1}}, {"breaker.requests": "invalid"}),
        ({"breaker": {"retries": 9}}, {"breaker.retries": "unused"}),
        ({"breaker": {"tries": 9}}, {"breaker.tries": "unknown_field"}),
        ({"retry_budget": {"percent": 101}}, {"retry_budget.percent": "invalid"}),
        ({"retry_budget": {"max": 1}}, {"retry_budget.max": "unknown_field"}),
        ({"outlier": {"interval_ms": 0}}, {"outlier.interval_ms": "invalid"}),
        ({"outlier": {"eject_ms": 300001}}, {"outlier.eject_max_ms": "range"}),
        ({"outlier": {"eject": 1}}, {"outlier.eject": "unknown_field"}),
        ({"health_check": {"path": "healthz"}}, {"health_check.path": "invalid"}),
        ({"health_check": {"path": "/a\r\nx: y"}}, {"health_check.path": "control_character"}),
        ({"health_check": {"kind": "tcp", "path": "/a"}}, {"health_check.path": "unused"}),
        ({"health_check": {"healthy": 0}}, {"health_check.healthy": "invalid"}),
        ({"health_check": {"host": "a"}}, {"health_check.host": "unknown_field"}),
        (
            {"outlier": {"eject_ms": 300001}, "breaker": {"retries": 9}},
            {"breaker.retries": "unused", "outlier.eject_max_ms": "range"},
        ),
    ],
)
def test_bad_resilience_names_its_field_and_changes_nothing(
    operator: Api, sent: dict[str, Any], paths: dict[str, str]
) -> None:
    before = everything()
    refused = operator.change("PUT", PATH, {"connect_timeout_ms": 1000, **sent})
    assert (refused.status, refused.paths()) == (400, paths)
    assert everything() == before


def test_what_sets_nothing_is_refused(operator: Api) -> None:
    assert operator.change("PUT", PATH, {}).paths() == {"connect_timeout_ms": "required"}


def test_what_an_older_release_stored_is_read_and_reverted(operator: Api, root: Actor) -> None:
    operator.change("PUT", PATH, {"connect_timeout_ms": 5})
    TrafficRules.objects.update(resilience={"connect_timeout_ms": 5})
    made = Change.objects.latest("id")
    with commit(actor=root, action=made.action, obj=made.object, namespace=made.namespace) as older:
        older.before, older.after = {"connect_timeout_ms": 1000}, {"connect_timeout_ms": 5}
    change = Change.objects.latest("id")
    assert shown(operator) == {**DEFAULT, "connect_timeout_ms": 5}
    assert operator.post(f"changes/{change.pk}/revert/", {}).status == 200
    assert shown(operator) == DEFAULT


def told() -> ServiceBody:
    """What proxies read of the service, once what is waiting is built: bytes that were read back."""
    keys = {(row.kind, row.name) for row in Outbox.objects.all()}
    built = build(load(Mesh.objects.get(), keys), keys)
    assert not built.faults
    resource = built.good["service", "shop/catalog"]
    assert isinstance(resource, ServiceResource)
    return resource.body


def test_what_is_put_is_what_proxies_are_told(operator: Api) -> None:
    Outbox.objects.all().delete()
    retry = {"attempts": 3, "on": ["5xx", "connect-failure"], "codes": [429], "per_try_timeout_ms": 500}
    operator.change("PUT", f"{SERVICE}routes/", {"routes": [{"name": "default", "retry": retry}]})
    operator.change("PUT", PATH, GUARDED)
    body = told()
    (route,) = body.routes
    assert route.retry == wire.Retry(attempts=3, on=["5xx", "connect-failure"], codes=[429], per_try_timeout_ms=500)
    hashed = wire.HashOn(kind="cookie", name="u")
    assert body.balancer == wire.Balancer(policy="maglev", hash=hashed, slow_start_ms=30_000, panic_percent=20)
    assert body.breaker == wire.Breaker(connections=10, pending=0, requests=20, retries=5)
    assert (body.connect_timeout_ms, body.retry_budget, body.outlier) == (250, None, None)
    assert body.health_check == wire.HealthCheck(
        path="/healthz", interval_ms=2000, timeout_ms=500, healthy=1, unhealthy=2, jitter_percent=0
    )
