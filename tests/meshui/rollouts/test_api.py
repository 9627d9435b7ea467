"""``rollouts/`` as clients see it: who may what, what it answers, and that a request sent twice has one effect."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meshui.catalog.models import Instance
from meshui.core.models import Change, Revision
from meshui.rollouts.models import IdempotencyKey, Rollout
from tests.meshui.rollouts.world import World
from tests.support.api import Answer, Api, make_user

STEPS = [{"set_weight": 5}, {"bake": "60s"}, {"analyse": {}}, {"set_weight": 100}]
BODY: dict[str, Any] = {"service": "shop/catalog", "canary": "v2", "strategy": "canary", "steps": STEPS}
DRAFT = BODY | {"start": False}


@pytest.fixture(autouse=True)
def ready(world: World) -> World:
    """A healthy instance of each version, and a proxy."""
    return world


def tick(world: World, rollout: str) -> None:
    world.tick(Rollout.objects.get(pk=rollout))


def act(api: Api, rollout: str, action: str, body: Any = None, **headers: str) -> Answer:
    """With the ETag that is current, unless another one is given."""
    sent = {"If_Match": api.get(f"rollouts/{rollout}/").headers.get("ETag", "*")} | headers
    return api.post(f"rollouts/{rollout}/{action}/", body, **sent)


# --- making one -------------------------------------------------------------------------------------------------


def test_a_rollout_starts_with_its_first_step(operator: Api, world: World) -> None:
    made = operator.post("rollouts/", BODY | {"reason": "catalog 2.4"})
    assert (made.status, made.etag) == (201, f'"{made.body["version"]}"')
    assert (made.body["state"], made.body["step_index"]) == ("progressing", 0)
    tick(world, made.body["id"])
    shown = operator.get(f"rollouts/{made.body['id']}/").body
    assert shown["step_phase"] == "propagating"
    assert (shown["service"], shown["stable"], shown["canary"]) == ("shop/catalog", "v1", "v2")
    assert shown["weights"] == {
        "desired": {"v1": 95, "v2": 5},
        "acknowledged": shown["weights"]["acknowledged"],
        "observed": None,
    }
    assert [(step["kind"], step["weight"], step["state"]) for step in shown["steps"]] == [
        ("set_weight", 5, "current"),
        ("bake", None, "todo"),
        ("analyse", None, "todo"),
        ("set_weight", 100, "todo"),
    ]
    assert shown["verdict"]["kind"] == "none"
    assert (made.body["created_by"], made.body["preflight"], made.body["estimate"]) == ("olga", None, None)
    assert shown["acks"] == {
        "total": 0,
        "acked": 0,
        "nacked": 0,
        "waiting": 0,
        "offline": 0,
        "revision": shown["revision"],
    }
    assert shown["revision"] == Revision.objects.latest("number").number
    assert operator.get("services/shop/catalog/split/").body["weights"] == {"v1": 95, "v2": 5}
    assert shown["plan"]["steps"] == [{"set_weight": 5}, {"bake": "1m"}, {"analyse": {}}, {"set_weight": 100}]


def test_the_body_of_the_manual_is_taken_and_everything_has_a_default(operator: Api) -> None:
    whole = BODY | {
        "analysis": {
            "interval": "15s",
            "alpha": 0.01,
            "objective_ms": 300,
            "metrics": ["errors", "latency"],
            "min_requests": 200,
        },
        "on_fail": "rollback",
        "approvers": [],
        "notify": [],
        "start": True,
        "reason": "catalog 2.4",
    }
    made = operator.post("rollouts/?dry_run=1", whole)
    least = operator.post(
        "rollouts/?dry_run=1", {"service": "shop/catalog", "canary": "v2", "strategy": "canary", "steps": STEPS}
    )
    assert (made.status, least.status) == (201, 201)
    assert made.body["plan"] == least.body["plan"]


def test_a_dry_run_says_what_to_expect_and_changes_nothing(operator: Api) -> None:
    before = Revision.objects.count(), Rollout.objects.count(), Change.objects.count()
    shown = operator.post("rollouts/?dry_run=1", BODY, Idempotency_Key="k").body
    assert (shown["id"], shown["revision"]) == ("", None)
    assert all(check["ok"] for check in shown["preflight"]["checks"])
    assert [step["index"] for step in shown["estimate"]["steps"]] == [2]
    assert (Revision.objects.count(), Rollout.objects.count(), Change.objects.count()) == before
    assert not IdempotencyKey.objects.exists()
    assert operator.get("services/shop/catalog/split/").body["weights"] == {"v1": 100, "v2": 0}


def test_faults_are_named_by_their_path(operator: Api) -> None:
    refused = operator.post(
        "rollouts/", BODY | {"steps": [{"set_weight": 5}, {"set_weight": 3}, {"bake": "x"}, {"set_weight": 100}]}
    )
    assert (refused.status, refused.paths()) == (400, {"steps.2.bake": "invalid"})
    refused = operator.post("rollouts/", BODY | {"steps": [{"set_weight": 5}, {"set_weight": 3}, {"set_weight": 100}]})
    assert refused.paths() == {"steps.1.set_weight": "not_rising"}
    assert operator.post("rollouts/", BODY | {"canary": "v9"}).paths() == {"canary": "unknown_version"}
    assert operator.post("rollouts/", BODY | {"steps": [{"set_weight": 101}]}).paths() == {
        "steps.0.set_weight": "invalid"
    }
    assert operator.post("rollouts/", BODY | {"analysis": {"template": "none"}}).paths() == {
        "analysis.template": "unknown_template"
    }
    assert operator.post("rollouts/", BODY | {"colour": 1}).paths() == {"colour": "unknown_field"}
    assert not Rollout.objects.exists()


def test_a_canary_without_instances_does_not_start(operator: Api) -> None:
    Instance.objects.filter(version__name="v2").delete()
    refused = operator.post("rollouts/", BODY)
    assert (refused.status, refused.body["code"]) == (409, "preflight_failed")
    assert refused.paths() == {"checks.canary_healthy": "canary_healthy"}


def test_a_second_rollout_is_told_which_one_is_first(operator: Api, world: World) -> None:
    first = operator.post("rollouts/", BODY).body["id"]
    for _ in range(2):
        refused = operator.post("rollouts/", BODY)
        assert (refused.status, refused.body["code"]) == (409, "active_rollout")
        assert refused.body["errors"] == [{"path": "rollout", "code": "active_rollout", "detail": first}]
        tick(world, first)  # then no version has all the weight


def test_a_draft_is_edited_and_started(operator: Api) -> None:
    draft = operator.post("rollouts/", DRAFT)
    assert (draft.body["state"], draft.body["started_at"], draft.body["may"]) == ("draft", None, ["start"])
    path = f"rollouts/{draft.body['id']}/"
    assert operator.get("services/shop/catalog/split/").body["weights"] == {"v1": 100, "v2": 0}
    assert operator.call("PATCH", path, DRAFT).status == 428
    edited = operator.call("PATCH", path, DRAFT | {"on_fail": "freeze"}, If_Match=draft.etag)
    assert (edited.status, edited.body["plan"]["on_fail"]) == (200, "freeze")
    assert operator.call("PATCH", path, DRAFT, If_Match=draft.etag).status == 412
    assert act(operator, draft.body["id"], "start").body["state"] == "progressing"
    refused = operator.change("PATCH", path, DRAFT)
    assert (refused.status, refused.body["code"]) == (409, "not_a_draft")


# --- once -------------------------------------------------------------------------------------------------------


def test_a_request_sent_twice_makes_one_rollout(operator: Api) -> None:
    first = operator.post("rollouts/", BODY, Idempotency_Key="k-1")
    again = operator.post("rollouts/", BODY, Idempotency_Key="k-1")
    assert (first.status, again.status) == (201, 201)
    assert first.body["id"] == again.body["id"]
    assert Rollout.objects.count() == 1
    other = operator.post("rollouts/", BODY | {"on_fail": "freeze"}, Idempotency_Key="k-1")
    assert (other.status, other.body["code"]) == (409, "idempotency_mismatch")


def test_a_key_is_its_owners(operator: Api, admin: Api) -> None:
    operator.post("rollouts/", BODY, Idempotency_Key="k-1")
    assert admin.post("rollouts/", BODY, Idempotency_Key="k-1").body["code"] == "active_rollout"


@pytest.mark.parametrize("key", ["x" * 201, "with space", "\u00e9"])
def test_a_key_is_short_and_plain(operator: Api, key: str) -> None:
    assert operator.post("rollouts/", BODY, Idempotency_Key=key).paths() == {"Idempotency-Key": "invalid"}


def test_an_action_sent_twice_is_one(operator: Api) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    tag = operator.get(f"rollouts/{rollout}/").etag
    first = act(operator, rollout, "pause", If_Match=tag, Idempotency_Key="p")
    again = act(operator, rollout, "pause", If_Match=tag, Idempotency_Key="p")
    assert (first.status, again.status) == (200, 200)
    assert first.body["version"] == again.body["version"]
    assert act(operator, rollout, "pause", If_Match=tag).status == 412
    events = operator.get(f"rollouts/{rollout}/events/").body["results"]
    assert [event["kind"] for event in events].count("paused") == 1


# --- acting -----------------------------------------------------------------------------------------------------


def test_an_action_needs_the_version_that_was_seen(operator: Api) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    refused = operator.post(f"rollouts/{rollout}/abort/", {})
    assert (refused.status, refused.body["code"]) == (428, "precondition_required")
    assert act(operator, rollout, "abort", If_Match='"0"').body["code"] == "stale"
    assert operator.get(f"rollouts/{rollout}/").body["state"] == "progressing"


def test_abort_gives_everything_back_in_one_revision(operator: Api, world: World) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    tick(world, rollout)
    before = Revision.objects.count()
    aborted = act(operator, rollout, "abort", {"reason": "too slow"}).body
    assert (aborted["state"], aborted["weights"]["desired"]) == ("rolling_back", {"v1": 100, "v2": 0})
    assert "too slow" in aborted["reason"]
    assert Revision.objects.count() == before + 1
    assert operator.get("services/shop/catalog/split/").body["weights"] == {"v1": 100, "v2": 0}


def test_a_promotion_in_full_says_why(operator: Api) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    assert act(operator, rollout, "promote", {}).paths() == {"reason": "required"}
    assert act(operator, rollout, "promote", {"reason": " "}).paths() == {"reason": "required"}
    promoted = act(operator, rollout, "promote", {"reason": "a hotfix"}).body
    assert (promoted["state"], promoted["weights"]["desired"]) == ("promoting", {"v1": 0, "v2": 100})


def test_what_a_state_does_not_take_is_refused(operator: Api) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    refused = act(operator, rollout, "approve")
    assert (refused.status, refused.body["code"]) == (409, "not_allowed_now")
    assert act(operator, rollout, "resume").body["code"] == "not_allowed_now"


def test_may_is_what_the_caller_may_do_now(operator: Api, viewer: Api) -> None:
    shown = operator.post("rollouts/", BODY).body
    assert set(shown["may"]) == {"pause", "promote", "abort", "skip-step"}
    assert viewer.get(f"rollouts/{shown['id']}/").body["may"] == []
    paused = act(operator, shown["id"], "pause", {"reason": "lunch"}).body
    assert (paused["state"], paused["pause_reason"]) == ("paused", "manual")
    assert {"resume", "retry"} <= set(paused["may"])
    for action in paused["may"]:
        assert action in {"resume", "retry", "promote", "abort", "skip-step"}


def test_the_author_may_not_approve(operator: Api, admin: Api) -> None:
    steps = [{"approve": {}}, *STEPS]
    shown = operator.post("rollouts/", BODY | {"steps": steps}).body
    Rollout.objects.filter(pk=shown["id"]).update(state="paused", pause_reason="approval", step_phase="gating")
    assert not {"approve", "reject"} & set(operator.get(f"rollouts/{shown['id']}/").body["may"])
    refused = act(operator, shown["id"], "approve")
    assert (refused.status, refused.body["code"]) == (403, "author_may_not_approve")
    assert {"approve", "reject"} <= set(admin.get(f"rollouts/{shown['id']}/").body["may"])
    approved = act(admin, shown["id"], "approve", {"reason": "fine"}).body
    assert approved["state"] == "progressing"
    assert [(a["by"], a["decision"], a["reason"]) for a in approved["approvals"]] == [("root", "approved", "fine")]


def test_only_those_that_are_named_approve(operator: Api, admin: Api) -> None:
    named = Api(make_user("nora", ("operator", "shop")))
    shown = operator.post("rollouts/", BODY | {"steps": [{"approve": {}}, *STEPS], "approvers": ["nora"]}).body
    Rollout.objects.filter(pk=shown["id"]).update(state="paused", pause_reason="approval", step_phase="gating")
    assert act(admin, shown["id"], "approve").body["code"] == "not_an_approver"
    assert act(named, shown["id"], "reject", {"reason": "no"}).body["state"] == "rolling_back"


def test_approvers_are_people_who_can(operator: Api, viewer: Api, outsider: Api, admin: Api) -> None:
    def refused(*names: str) -> dict[str, str]:
        return operator.post(
            "rollouts/?dry_run=1", BODY | {"steps": [{"approve": {}}, *STEPS], "approvers": names}
        ).paths()

    assert refused("root", "nobody", "vera", "otto") == {f"approvers.{n}": "no_approver" for n in (1, 2, 3)}
    assert refused("olga") == {"approvers": "only_author"}
    fine = BODY | {"steps": [{"approve": {}}, *STEPS], "approvers": ["olga", "root"]}
    assert operator.post("rollouts/?dry_run=1", fine).status == 201


def test_addresses_are_for_those_who_may_write_them(operator: Api, viewer: Api) -> None:
    hooks = {
        "steps": [{"webhook": {"url": "https://ci.example.com/secret?k=1"}}, *STEPS],
        "notify": [{"kind": "slack", "target": "https://hooks.example.com/services/secret", "on": ["failed"]}],
    }
    rollout = operator.post("rollouts/", BODY | hooks | {"start": False}).body["id"]
    whole = operator.get(f"rollouts/{rollout}/").body["plan"]
    assert (whole["steps"][0], whole["notify"]) == (hooks["steps"][0], hooks["notify"])
    for body in (viewer.get(f"rollouts/{rollout}/").body, viewer.get("rollouts/").body):
        assert "secret" not in str(body)
        assert "https://hooks.example.com/…" in str(body)


def test_nobody_acts_on_what_they_do_not_see(operator: Api, outsider: Api, viewer: Api) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    assert outsider.get(f"rollouts/{rollout}/").status == 404
    assert act(outsider, rollout, "abort").status == 404
    assert outsider.post("rollouts/", BODY).body["code"] == "permission_denied"
    assert viewer.post("rollouts/", BODY).status == 403
    assert act(viewer, rollout, "abort").status == 403
    assert outsider.get("rollouts/").body["results"] == []


# --- while one is under way -------------------------------------------------------------------------------------


def test_what_a_rollout_owns_nobody_else_edits(operator: Api, world: World) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    tick(world, rollout)
    refused = operator.change("PUT", "services/shop/catalog/split/", {"weights": {"v1": 50, "v2": 50}})
    assert (refused.status, refused.body["code"]) == (409, "owned_by_rollout")
    assert rollout in refused.body["detail"]


# --- reading ----------------------------------------------------------------------------------------------------


def test_the_list_is_filtered(operator: Api, admin: Api) -> None:
    first = operator.post("rollouts/", DRAFT).body["id"]
    second = operator.post("rollouts/", BODY).body["id"]

    def ids(query: str) -> list[str]:
        return [rollout["id"] for rollout in operator.get(f"rollouts/?{query}").body["results"]]

    assert ids("") == [second, first]
    assert ids("ordering=id") == [first, second]
    assert ids("active=1") == [second]
    assert ids("active=0") == [first]
    assert ids("state=draft") == [first]
    assert ids("service=shop/catalog") == [second, first]
    assert ids("service=shop/cart") == ids("namespace=bank") == ids("search=nothing") == []
    assert ids("namespace=shop&search=catal") == [second, first]
    assert operator.get("rollouts/?state=odd").status == 400


def test_events_are_resumed_by_their_number(operator: Api) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    act(operator, rollout, "pause", {"reason": "lunch"})
    events = operator.get(f"rollouts/{rollout}/events/").body["results"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "created"
    assert (events[-1]["kind"], events[-1]["actor"]) == ("paused", "olga")
    since = events[-2]["seq"]
    assert operator.get(f"rollouts/{rollout}/events/?since={since}").body["results"] == events[-1:]


def test_measurements_are_one_metrics_from_a_time_on(operator: Api) -> None:
    row = Rollout.objects.get(pk=operator.post("rollouts/", BODY).body["id"])
    for second, metric in enumerate(("errors", "latency", "errors")):
        row.measurements.create(
            at=f"2026-01-01T00:00:0{second}Z",
            step_index=0,
            metric=metric,
            canary_total=20,
            canary_bad=5,
            log_e=800.0,
            limit=200.0,
            verdict="fail",
        )
    path = f"rollouts/{row.pk}/measurements/"
    assert [m["metric"] for m in operator.get(path).body["results"]] == ["errors", "latency", "errors"]
    shown = operator.get(f"{path}?metric=errors&since=2026-01-01T00:00:00Z").body["results"]
    assert [m["at"] for m in shown] == ["2026-01-01T00:00:02Z"]
    assert shown[0]["canary"] == {"total": 20, "bad": 5, "rate": 0.25}
    assert shown[0]["baseline"] == {"total": 0, "bad": 0, "rate": None}
    assert shown[0]["e"] > 1e200


def test_proxies_say_what_they_made_of_it(operator: Api, world: World) -> None:
    rollout = operator.post("rollouts/", BODY).body["id"]
    assert operator.get(f"rollouts/{rollout}/proxies/").body == []
    tick(world, rollout)
    world.add_proxy("p2")
    world.acknowledge("p1")
    world.refuse("p2", "no such version")
    shown = operator.get(f"rollouts/{rollout}/proxies/").body
    assert [(answer["proxy"], answer["status"], answer["error"]) for answer in shown] == [
        ("p2", "nacked", "no such version"),
        ("p1", "acked", ""),
    ]
    acks = operator.get(f"rollouts/{rollout}/").body["acks"]
    assert (acks["total"], acks["acked"], acks["nacked"]) == (2, 1, 1)


@pytest.mark.parametrize(("path", "queries"), [("events/", 4), ("measurements/", 4)])
def test_queries_do_not_grow_with_what_happened(operator: Api, path: str, queries: int) -> None:
    row = Rollout.objects.get(pk=operator.post("rollouts/", BODY).body["id"])

    def happen(count: int) -> None:
        for _ in range(count):
            row.events.create(seq=1000 + row.events.count(), kind="phase", actor="x")
            row.measurements.create(at="2026-01-01T00:00Z", step_index=0, metric="errors", verdict="pass")

    for count in (1, 20):
        happen(count)
        with CaptureQueriesContext(connection) as asked:
            assert operator.get(f"rollouts/{row.pk}/{path}").status == 200
        assert len(asked) == queries
