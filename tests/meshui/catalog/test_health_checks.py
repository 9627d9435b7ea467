"""How health checks are set, what their verdicts do, and when a critical instance leaves the registry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from meshui.catalog.models import Instance, Proxy, Service
from meshui.catalog.selectors import CHECKS_RUN, HEARTBEATS_HEARD, Observation
from meshui.catalog.services import (
    checks_record,
    heartbeats_record,
    instances_deregister_overdue,
    instances_expire,
)
from meshui.catalog.services.verdicts import Finding
from meshui.core.models import Change, Outbox
from tests.support.api import Api, everything

SERVICE = "services/shop/catalog/"
CHECK = f"{SERVICE}health-check/"
INSTANCES = f"{SERVICE}instances/"
BODY = {"address": "10.0.0.7", "port": 8080, "version": "v1", "id": "c-1"}
HTTP = {"kind": "http", "path": "/healthz", "interval_ms": 1000, "timeout_ms": 500}
GOOD, BAD = Finding(check_passing=True, check_output="200 OK"), Finding(check_passing=False, check_output="503")


@pytest.fixture
def registered(operator: Api) -> Api:
    operator.post(INSTANCES, BODY)
    Outbox.objects.all().delete()
    return operator


@pytest.fixture
def sidecar(catalog: Service) -> Proxy:
    version = catalog.versions.get(name="v1")
    listener = {"kind": "inbound", "address": "10.0.0.1", "port": 80, "service": "shop/catalog", "app_port": 9000}
    proxy = Proxy.objects.create(
        id="px-1", name="one", service=catalog, version=version, redis_password_sha256="0", listeners=[listener]
    )
    Instance.objects.create(id="px-1", service=catalog, version=version, proxy=proxy, address="10.0.0.1", port=80)
    return proxy


def shown(api: Api, instance: str = "c-1") -> Any:
    return api.get(f"{INSTANCES}{instance}/").body


def watched(what: str, for_s: float) -> None:
    now = timezone.now()
    cache.set(what, Observation(since=now - timedelta(seconds=for_s), until=now + timedelta(hours=1)), timeout=None)


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


# --- setting ----------------------------------------------------------------------------------------------------


def test_a_services_check_is_set_shown_and_removed(registered: Api) -> None:
    assert registered.get(CHECK).body == {"check": None}
    put = registered.change("PUT", CHECK, {"check": HTTP, "reason": "watch it"})
    assert put.status == 200
    whole = {
        **HTTP,
        "port": None,
        "healthy_after": 1,
        "unhealthy_after": 3,
        "jitter": 0.1,
        "status_min": 200,
        "status_max": 299,
        "deregister_after_s": None,
    }
    assert registered.get(CHECK).body == {"check": whole}
    assert put.etag == registered.get(CHECK).etag
    assert registered.get(SERVICE).body["revision"] == put.body["revision"]
    assert shown(registered)["check"] == {"kind": "http", "own": False, "status": "pending", "output": "", "at": None}
    assert Change.objects.latest("id").after == {"check": whole}
    assert Outbox.objects.count() == 0
    assert registered.change("PUT", CHECK, {"check": HTTP}).body["revision"] is None
    assert registered.change("PUT", CHECK, {"check": None}).status == 200
    assert shown(registered)["check"]["kind"] == "ttl"


def test_an_instances_own_check_goes_before_its_services(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    registered.change("PUT", f"{INSTANCES}c-1/health-check/", {"check": {"kind": "tcp"}})
    assert (shown(registered)["check"]["kind"], shown(registered)["check"]["own"]) == ("tcp", True)
    registered.post(INSTANCES, BODY | {"id": "c-2", "port": 1, "check": {"kind": "ttl"}})
    assert (shown(registered, "c-2")["check"]["kind"], shown(registered, "c-2")["check"]["own"]) == ("ttl", True)
    assert registered.call("PUT", f"{INSTANCES}c-1/health-check/", {"check": None}).status == 428


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "exec"}, "check.kind"),
        ({"path": "healthz"}, "check.path"),
        ({"path": "/a b"}, "check.path"),
        ({"path": "/a\r\nHost: x"}, "check.path"),
        ({"interval_ms": 1}, "check.interval_ms"),
        ({"timeout_ms": 1001}, "check.timeout_ms"),
        ({"status_min": 300}, "check.status_max"),
        ({"unhealthy_after": 0}, "check.unhealthy_after"),
        ({"jitter": 0.6}, "check.jitter"),
        ({"port": 0}, "check.port"),
        ({"deregister_after_s": 0}, "check.deregister_after_s"),
        ({"follow": True}, "check.follow"),
    ],
)
def test_a_bad_check_is_refused(registered: Api, change: dict[str, Any], path: str) -> None:
    before = everything()
    refused = registered.change("PUT", CHECK, {"check": HTTP | change})
    assert (refused.status, list(refused.paths())) == (400, [path])
    assert everything() == before


# --- verdicts ---------------------------------------------------------------------------------------------------


def test_verdicts_turn_an_instance_in_one_revision_each(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    checks_record({"c-1": BAD})
    state = shown(registered)
    assert (state["status"], state["healthy"], state["check"]["output"]) == ("critical", False, "503")
    assert state["critical_since"] is not None
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]
    change = Change.objects.latest("id")
    assert (change.actor, change.action, change.summary) == ("system:registry", "instance.critical", "c-1 critical")
    checks_record({"c-1": BAD})
    assert Change.objects.latest("id") == change
    checks_record({"c-1": GOOD})
    state = shown(registered)
    assert (state["status"], state["critical_since"], state["check"]["status"]) == ("passing", None, "passing")


def test_the_verdicts_of_one_service_are_one_revision(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    for number in (2, 3):
        registered.post(INSTANCES, BODY | {"id": f"c-{number}", "port": number})
    changes = Change.objects.count()
    checks_record({"c-1": BAD, "c-2": BAD, "c-3": GOOD})
    assert Change.objects.count() == changes + 1
    assert Change.objects.latest("id").summary == "c-1 critical; c-2 critical"


def test_a_heartbeat_does_not_overrule_a_check(registered: Api, sidecar: Proxy) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    checks_record({"c-1": BAD, "px-1": BAD})
    changes = Change.objects.count()
    assert registered.call("PUT", f"{INSTANCES}c-1/heartbeat/").body["status"] == "critical"
    heartbeats_record(proxy_ids=["px-1"], at=timezone.now())
    assert shown(registered, "px-1")["status"] == "critical"
    assert Change.objects.count() == changes


def test_a_check_does_not_overrule_a_proxys_silence(registered: Api, sidecar: Proxy) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    Instance.objects.filter(pk="px-1").update(beating=False, status="critical")
    checks_record({"px-1": GOOD})
    assert shown(registered, "px-1")["status"] == "critical"
    heartbeats_record(proxy_ids=["px-1"], at=timezone.now())
    assert shown(registered, "px-1")["status"] == "passing"


def test_who_is_sent_probes_needs_no_heartbeat(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    watched(HEARTBEATS_HEARD, 3600)
    Instance.objects.update(last_seen_at=later(-600))
    assert instances_expire() == 0
    # Without probes it has its whole TTL for a first heartbeat.
    registered.change("PUT", CHECK, {"check": None})
    assert instances_expire() == 0
    assert instances_expire(later(20)) == 1


def test_an_instance_silent_until_it_is_sent_probes_is_passing_again(registered: Api) -> None:
    Instance.objects.update(beating=False, status="critical")
    registered.change("PUT", CHECK, {"check": HTTP})
    assert shown(registered)["status"] == "passing"
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]


def test_removing_a_check_forgets_its_verdict_and_changing_it_does_not(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    checks_record({"c-1": BAD})
    registered.change("PUT", CHECK, {"check": HTTP | {"path": "/other"}})
    assert shown(registered)["status"] == "critical"
    registered.change("PUT", CHECK, {"check": None})
    assert shown(registered)["status"] == "passing"


def test_a_verdict_that_comes_after_its_check_was_removed_is_nothing(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": HTTP})
    registered.change("PUT", CHECK, {"check": None})
    before = everything()
    checks_record({"c-1": BAD, "gone": BAD})
    assert everything() == before


# --- leaving ----------------------------------------------------------------------------------------------------


@pytest.fixture
def critical(registered: Api) -> Api:
    registered.change("PUT", CHECK, {"check": HTTP | {"deregister_after_s": 60}})
    checks_record({"c-1": BAD})
    Outbox.objects.all().delete()
    return registered


def test_who_is_critical_for_too_long_is_deregistered(critical: Api) -> None:
    watched(CHECKS_RUN, 1)
    assert instances_deregister_overdue(later(58)) == 0
    assert instances_deregister_overdue(later(61)) == 1
    assert critical.get(f"{INSTANCES}c-1/").status == 404
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("endpoints", "shop/catalog")]
    change = Change.objects.latest("id")
    assert (change.actor, change.action) == ("system:registry", "instance.deregister")


def test_without_a_time_nobody_is_deregistered(critical: Api) -> None:
    critical.change("PUT", CHECK, {"check": HTTP})
    watched(CHECKS_RUN, 1)
    assert instances_deregister_overdue(later(86_400)) == 0


def test_time_that_no_checker_watched_does_not_count(critical: Api) -> None:
    before = everything()
    assert instances_deregister_overdue(later(3600)) == 0
    watched(HEARTBEATS_HEARD, 3600)
    assert instances_deregister_overdue(later(3600)) == 0
    Instance.objects.update(critical_since=later(-3600))
    watched(CHECKS_RUN, 30)
    assert instances_deregister_overdue() == 0
    Instance.objects.update(critical_since=before["Instance"][0]["critical_since"])
    assert everything() == before


def test_silence_counts_where_reports_were_read(registered: Api) -> None:
    registered.change("PUT", CHECK, {"check": {"kind": "ttl", "deregister_after_s": 60}})
    Instance.objects.update(beating=False, status="critical", critical_since=later(-100))
    watched(CHECKS_RUN, 3600)
    assert instances_deregister_overdue() == 0
    watched(HEARTBEATS_HEARD, 61)
    assert instances_deregister_overdue() == 1


def test_a_proxy_that_reports_again_brings_its_instance_back(critical: Api, sidecar: Proxy) -> None:
    checks_record({"px-1": BAD})
    watched(CHECKS_RUN, 1)
    assert instances_deregister_overdue(later(61)) == 2
    heartbeats_record(proxy_ids=["px-1"], at=timezone.now())
    state = shown(critical, "px-1")
    assert (state["address"], state["port"], state["status"], state["proxy"]) == ("10.0.0.1", 80, "passing", "px-1")
    changes = Change.objects.count()
    heartbeats_record(proxy_ids=["px-1"], at=timezone.now())
    assert Change.objects.count() == changes
