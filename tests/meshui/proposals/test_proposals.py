"""Four eyes: where changes of security take two people, one alone gets nowhere, whichever way they try."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.accounts.models import RoleGrant, User
from meshui.catalog.models import Service
from meshui.core.models import Change
from meshui.proposals.models import Proposal, ReviewRule
from meshui.security.models import AccessPolicy, AccessSetting
from tests.support.api import Answer, Api, everything, make_user

POLICY: dict[str, Any] = {"target": "shop/catalog", "action": "allow", "mode": "enforce", "rules": []}
NEW = {"name": "nobody", **POLICY}


@pytest.fixture
def gwen(catalog: Service) -> Api:
    return Api(make_user("gwen", ("security", "shop")))


@pytest.fixture
def hugo(catalog: Service) -> Api:
    return Api(make_user("hugo", ("security", "shop")))


@pytest.fixture
def reviewed(gwen: Api) -> None:
    """Changes of security in ``shop`` take two people."""
    assert gwen.call("PUT", "proposals/rules/", {"namespace": "shop", "required": True}).status == 200


def propose(api: Api, method: str, path: str, body: Any = None, if_match: str = "", reason: str = "safer") -> Answer:
    return api.post(
        "proposals/", {"method": method, "path": path, "body": body, "if_match": if_match, "reason": reason}
    )


def open_one(api: Api) -> int:
    done = propose(api, "POST", "policies/", NEW)
    assert done.status == 201, done.body
    return int(done.body["id"])


def test_without_the_rule_one_person_is_enough(gwen: Api) -> None:
    assert gwen.post("policies/", NEW).status == 201


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "policies/", NEW),
        ("PUT", "policies/old/", POLICY),
        ("POST", "policies/old/enforce/", {}),
        ("DELETE", "policies/old/", None),
        ("PUT", "mtls/namespaces/shop/", {"mtls": "disable", "default_action": "allow"}),
        ("PUT", "mtls/services/shop/catalog/", {"mtls": "disable", "default_action": None}),
    ],
)
def test_with_it_one_alone_changes_nothing(gwen: Api, method: str, path: str, body: Any) -> None:
    AccessPolicy.objects.create(name="old", namespace="shop", service="catalog", action="allow", mode="shadow")
    ReviewRule.objects.create(namespace="shop")
    before = everything()
    refused = gwen.call(method, path, body, If_Match="*")
    assert (refused.status, refused.body["code"]) == (409, "approval_required")
    assert everything() == before
    tried = gwen.call(method, f"{path}?dry_run=true", body, If_Match="*")
    assert tried.status in (200, 201, 204)  # a trial needs nobody else


def test_one_proposes_and_another_approves(gwen: Api, hugo: Api, reviewed: None) -> None:
    made = propose(gwen, "POST", "policies/", NEW)
    assert made.status == 201
    shown = {field: made.body[field] for field in ("state", "author", "namespace", "object", "action", "reason")}
    assert shown == {
        "state": "open",
        "author": "gwen",
        "namespace": "shop",
        "object": "policy:nobody",
        "action": "policy.create",
        "reason": "safer",
    }
    assert made.body["before"] == {"policy": None}
    assert made.body["after"]["policy"]["target"] == "shop/catalog"
    assert not AccessPolicy.objects.exists()
    assert hugo.get("proposals/?state=open").body["results"] == [made.body]

    done = hugo.post(f"proposals/{made.body['id']}/approve/", {"reason": "agreed"})
    assert (done.status, done.body["state"], done.body["decided_by"]) == (200, "applied", "hugo")
    assert AccessPolicy.objects.get().name == "nobody"
    change = Change.objects.latest("id")
    assert (change.actor, change.reason) == ("hugo", "proposed by gwen: safer; approved: agreed")
    assert change.revision_id == done.body["revision"]
    again = hugo.post(f"proposals/{made.body['id']}/approve/")
    assert (again.status, again.body["code"]) == (409, "decided")


def test_nobody_approves_their_own(gwen: Api, reviewed: None) -> None:
    refused = gwen.post(f"proposals/{open_one(gwen)}/approve/")
    assert (refused.status, refused.body["code"]) == (409, "own_proposal")
    assert not AccessPolicy.objects.exists()


def test_an_approval_needs_the_permission_too(gwen: Api, reviewed: None, operator: Api, outsider: Api) -> None:
    number = open_one(gwen)
    assert operator.post(f"proposals/{number}/approve/").status == 403
    assert outsider.post(f"proposals/{number}/approve/").status in (403, 404)
    assert outsider.get(f"proposals/{number}/").status == 404
    assert outsider.get("proposals/").body["results"] == []
    assert not AccessPolicy.objects.exists()


def test_what_its_author_may_not_do_any_more_is_not_done(gwen: Api, hugo: Api, reviewed: None) -> None:
    number = open_one(gwen)
    RoleGrant.objects.filter(user=gwen.user).delete()
    refused = hugo.post(f"proposals/{number}/approve/")
    assert (refused.status, refused.body["code"]) == (409, "author_lost_permission")
    User.objects.filter(username="gwen").delete()
    assert hugo.post(f"proposals/{number}/approve/").status == 409
    assert not AccessPolicy.objects.exists()


def test_what_has_changed_since_is_not_overwritten(gwen: Api, hugo: Api) -> None:
    gwen.post("policies/", NEW)
    etag = gwen.get("policies/nobody/").etag
    ReviewRule.objects.create(namespace="shop")
    first = propose(gwen, "PUT", "policies/nobody/", POLICY | {"mode": "shadow"}, etag).body["id"]
    second = propose(gwen, "PUT", "policies/nobody/", POLICY | {"description": "x"}, etag).body["id"]
    assert hugo.post(f"proposals/{first}/approve/").status == 200
    stale = hugo.post(f"proposals/{second}/approve/")
    assert (stale.status, stale.body["code"]) == (412, "stale")
    assert Proposal.objects.get(pk=second).state == "open"
    assert AccessPolicy.objects.get().mode == "shadow"
    assert gwen.post(f"proposals/{second}/withdraw/").body["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "policies/", NEW | {"action": "perhaps"}, 400, "invalid"),
        ("POST", "policies/", NEW | {"target": "bank/ledger"}, 403, "permission_denied"),
        ("DELETE", "policies/none/", None, 404, "not_found"),
        ("PUT", "services/shop/catalog/split/", {"weights": {"v1": 100}}, 400, "invalid"),
        ("POST", "proposals/", {}, 400, "invalid"),
        ("POST", "auth/logout/", {}, 400, "invalid"),
        ("POST", "nowhere/", {}, 400, "invalid"),
    ],
)
def test_what_would_be_refused_is_not_proposed(
    gwen: Api, reviewed: None, method: str, path: str, body: Any, status: int, code: str
) -> None:
    refused = propose(gwen, method, path, body, '"x"' if method == "DELETE" else "")
    assert (refused.status, refused.body["code"]) == (status, code)
    assert not Proposal.objects.exists()


def test_a_proposal_names_the_version_that_it_changes(gwen: Api) -> None:
    gwen.post("policies/", NEW)
    ReviewRule.objects.create(namespace="shop")
    assert list(propose(gwen, "PUT", "policies/nobody/", POLICY, "*").paths()) == ["if_match"]
    assert propose(gwen, "PUT", "policies/nobody/", POLICY).status == 428
    same = propose(gwen, "PUT", "policies/nobody/", POLICY, gwen.get("policies/nobody/").etag)
    assert (same.status, same.body["code"]) == (409, "unchanged")


def test_a_proposal_is_rejected_by_others_and_withdrawn_by_its_author(gwen: Api, hugo: Api, reviewed: None) -> None:
    number = open_one(gwen)
    assert hugo.post(f"proposals/{number}/withdraw/").status == 403
    done = hugo.post(f"proposals/{number}/reject/", {"reason": "too broad"})
    assert (done.body["state"], done.body["decision_reason"]) == ("rejected", "too broad")
    assert hugo.post(f"proposals/{number}/approve/").body["code"] == "decided"
    assert not AccessPolicy.objects.exists()


def test_ending_the_rule_takes_two_people(gwen: Api, hugo: Api, reviewed: None) -> None:
    end = {"namespace": "shop", "required": False}
    assert gwen.call("PUT", "proposals/rules/", end).body["code"] == "approval_required"
    number = propose(gwen, "PUT", "proposals/rules/", end).body["id"]
    assert hugo.post(f"proposals/{number}/approve/").status == 200
    assert gwen.get("proposals/rules/").body == {"mesh": False, "namespaces": []}
    assert gwen.post("policies/", NEW).status == 201


def test_the_meshs_rule_holds_everywhere(gwen: Api, admin: Api) -> None:
    assert gwen.call("PUT", "proposals/rules/", {"namespace": None, "required": True}).status == 403
    assert admin.call("PUT", "proposals/rules/", {"namespace": None, "required": True}).status == 200
    assert gwen.post("policies/", NEW).body["code"] == "approval_required"
    assert admin.call("PUT", "mtls/", {"mtls": "disable", "default_action": None}, If_Match="*").status == 409
    assert not AccessSetting.objects.exists()


def test_a_revert_is_no_way_round(gwen: Api) -> None:
    gwen.post("policies/", NEW)
    change = Change.objects.latest("id")
    ReviewRule.objects.create(namespace="shop")
    refused = gwen.post(f"changes/{change.pk}/revert/")
    assert (refused.status, refused.body["code"]) == (409, "approval_required")
    assert AccessPolicy.objects.exists()


def test_moving_a_policy_out_of_a_reviewed_namespace_takes_two(gwen: Api, admin: Api) -> None:
    admin.post("policies/", NEW)
    ReviewRule.objects.create(namespace="shop")
    moved = admin.change("PUT", "policies/nobody/", POLICY | {"target": "bank/*"})
    assert moved.body["code"] == "approval_required"
