"""Rollouts that a repository declares: said again, nothing happens."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.core.models import Revision
from meshui.rollouts.models import Rollout
from tests.meshui.rollouts.world import World
from tests.support.api import Api

PATH = "services/shop/catalog/rollout/"
BODY: dict[str, Any] = {"canary": "v2", "strategy": "canary", "steps": [{"set_weight": 50}, {"set_weight": 100}]}


@pytest.fixture(autouse=True)
def ready(world: World) -> World:
    return world


def finish(state: str) -> None:
    Rollout.objects.update(state=state)


def test_the_same_declaration_is_the_same_rollout(operator: Api) -> None:
    first = operator.call("PUT", PATH, BODY | {"reason": "catalog 2.4"})
    revisions = Revision.objects.count()
    again = operator.call("PUT", PATH, BODY | {"reason": "applied by the hour"})
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"]
    assert (Rollout.objects.count(), Revision.objects.count()) == (1, revisions)
    assert operator.get(PATH).body["id"] == first.body["id"]


def test_the_way_it_is_written_makes_no_difference(operator: Api) -> None:
    first = operator.call("PUT", PATH, BODY | {"safety": {"warm": "90s"}})
    again = operator.call("PUT", PATH, BODY | {"safety": {"warm": "PT1M30S"}, "on_fail": "rollback"})
    assert (again.status, again.body["id"]) == (200, first.body["id"])


@pytest.mark.parametrize("state", ["succeeded", "rolled_back"])
def test_what_is_over_is_not_begun_again(operator: Api, state: str) -> None:
    first = operator.call("PUT", PATH, BODY).body["id"]
    finish(state)
    again = operator.call("PUT", PATH, BODY)
    assert (again.status, again.body["id"]) == (200, first)
    assert Rollout.objects.count() == 1


def test_another_declaration_waits_for_the_first_to_end(operator: Api) -> None:
    first = operator.call("PUT", PATH, BODY).body["id"]
    other = BODY | {"on_fail": "freeze"}
    refused = operator.call("PUT", PATH, other)
    assert (refused.status, refused.body["code"]) == (409, "active_rollout")
    assert refused.body["errors"][0]["detail"] == first
    assert operator.post(f"rollouts/{first}/abort/", {}, If_Match="*").status == 200
    ready = Rollout.objects.get()
    assert ready.state == "rolling_back"


def test_after_the_end_another_declaration_is_a_new_rollout(operator: Api, world: World) -> None:
    first = operator.call("PUT", PATH, BODY).body["id"]
    operator.post(f"rollouts/{first}/abort/", {}, If_Match="*")
    world.until_state(Rollout.objects.get(), "rolled_back")
    tried = operator.call("PUT", PATH, BODY | {"trigger": "mended"})
    assert tried.status == 201
    assert tried.body["id"] != first
    assert operator.call("PUT", PATH, BODY | {"trigger": "mended"}).body["id"] == tried.body["id"]


def test_a_rollout_by_hand_is_no_declaration(operator: Api) -> None:
    by_hand = operator.post("rollouts/", BODY | {"service": "shop/catalog"}).body["id"]
    refused = operator.call("PUT", PATH, BODY)
    assert (refused.status, refused.body["errors"][0]["detail"]) == (409, by_hand)


def test_a_template_that_changes_is_no_other_declaration(admin: Api) -> None:
    admin.post("analysis-templates/", {"name": "web", "metrics": ["errors"]})
    body = BODY | {"analysis": {"template": "web"}}
    first = admin.call("PUT", PATH, body)
    assert first.status == 201
    admin.change("PUT", "analysis-templates/web/", {"metrics": ["latency"]})
    assert admin.call("PUT", PATH, body).status == 200


def test_a_dry_run_declares_nothing(operator: Api) -> None:
    tried = operator.call("PUT", f"{PATH}?dry_run=1", BODY)
    assert (tried.status, tried.body["id"]) == (201, "")
    assert tried.body["preflight"]["stable"] == "v1"
    assert not Rollout.objects.exists()
    assert operator.get(PATH).status == 404


def test_who_may_not_write_declares_nothing(viewer: Api, outsider: Api) -> None:
    assert viewer.call("PUT", PATH, BODY).status == 403
    assert outsider.call("PUT", PATH, BODY).status == 404
    assert not Rollout.objects.exists()


# --- undo -------------------------------------------------------------------------------------------------------


def test_a_success_is_undone_as_a_new_rollout(operator: Api, world: World) -> None:
    first = operator.call("PUT", PATH, BODY)
    row = world.until_state(Rollout.objects.get(), "succeeded")
    shown = operator.get(f"rollouts/{row.pk}/").body
    assert shown["undo_until"] is not None
    undone = operator.post("services/shop/catalog/undo/", {"reason": "prices are wrong"})
    assert (undone.status, undone.body["undo_of"]) == (201, first.body["id"])
    assert (undone.body["stable"], undone.body["canary"]) == ("v2", "v1")
    assert operator.get(f"rollouts/{row.pk}/").body["undo_until"] is None
    assert operator.call("PUT", PATH, BODY).status == 200


def test_nothing_to_undo(operator: Api) -> None:
    refused = operator.post("services/shop/catalog/undo/", {})
    assert (refused.status, refused.body["code"]) == (409, "undo_expired")
