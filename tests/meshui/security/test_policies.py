"""Access policies over REST: a change is a revision, a log line and the right dirty resources; a bad one is nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meshui.catalog.models import Service
from meshui.catalog.services import service_create, service_delete
from meshui.core.actors import Actor
from meshui.core.commits import current_mesh
from meshui.core.models import Change, Outbox
from meshui.delivery.build import build
from meshui.delivery.load import Key, every_key, load
from meshui.security.models import AccessPolicy
from meshui.traffic.services import gateway_put
from proxies.wire import policies as wire
from proxies.wire.resources import InboundBody, InboundResource, required_schema
from tests.support.api import Api, everything, make_user

READERS: dict[str, Any] = {
    "name": "catalog-readers",
    "target": "shop/catalog",
    "action": "allow",
    "rules": [
        {
            "from": {"services": ["shop/frontend"], "namespaces": ["platform"]},
            "to": {"methods": ["GET"], "paths": ["/items/*"]},
            "when": [{"header": "X-Tier", "in": ["gold"]}],
            "hours": {"start": 540, "end": 1020, "days": [0, 1]},
        }
    ],
    "description": "who reads items",
    "reason": "least privilege",
}
ALL = {"name": "all", "target": "*", "action": "deny", "rules": [{"from": {"not_namespaces": ["shop"]}}]}


@pytest.fixture
def guard(catalog: Service) -> Api:
    """May change security in ``shop``, and sees nothing else."""
    return Api(make_user("gwen", ("security", "shop")))


@pytest.fixture
def gateway(catalog: Service, root: Actor) -> None:
    gateway_put(actor=root, gateway="shop/edge", hosts=[])


def without_name(policy: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {field: value for field, value in policy.items() if field != "name"} | more


def dirty() -> set[Key]:
    return {(row.kind, row.name) for row in Outbox.objects.all()}


def built(service: str) -> InboundBody:
    """How a service receives, as proxies would read it now."""
    wanted = {("inbound", service)}
    (resource,) = build(load(current_mesh(), wanted), wanted).good.values()
    assert isinstance(resource, InboundResource)
    assert resource.requires == required_schema(resource.body)
    return resource.body


def test_a_new_policy_is_a_revision_a_log_line_and_reaches_proxies(guard: Api) -> None:
    Outbox.objects.all().delete()
    made = guard.post("policies/", READERS)
    assert made.status == 201, made.body
    assert made.etag == f'"{made.body["version"]}"'
    read = guard.get("policies/catalog-readers/")
    assert (read.status, read.etag) == (200, made.etag)
    assert guard.get(f"policies/{made.body['id']}/").body == read.body == made.body
    rule = read.body["rules"][0]
    assert rule["from"]["services"] == ["shop/frontend"]
    assert rule["when"] == [{"header": "X-Tier", "in": ["gold"], "not_in": []}]
    assert (read.body["mode"], read.body["description"]) == ("enforce", "who reads items")
    change = Change.objects.get(revision_id=made.body["revision"])
    assert (change.action, change.object, change.namespace) == ("policy.create", "policy:catalog-readers", "shop")
    assert (change.reason, change.before) == ("least privilege", {"policy": None})
    assert dirty() == {("inbound", "shop/catalog")}
    body = built("shop/catalog")
    assert body.policies == [
        wire.Policy(
            name="catalog-readers",
            action="allow",
            rules=[
                wire.PolicyRule(
                    caller=wire.Caller(services=["shop/frontend"], namespaces=["platform"]),
                    operation=wire.Operation(methods=["GET"], paths=["/items/*"]),
                    when=[wire.HeaderCondition(header="x-tier", values=["gold"])],
                    hours=wire.Hours(start=540, end=1020, days=[0, 1]),
                )
            ],
        )
    ]


def test_it_is_set_whole_enforced_and_deleted(guard: Api) -> None:
    guard.post("policies/", READERS | {"mode": "shadow"})
    assert built("shop/catalog").policies[0].mode == "shadow"
    etag = guard.get("policies/catalog-readers/").etag
    enforced = guard.call("POST", "policies/catalog-readers/enforce/", {"reason": "silent for a week"}, If_Match=etag)
    assert (enforced.status, enforced.body["mode"]) == (200, "enforce")
    assert built("shop/catalog").policies[0].mode == "enforce"
    Outbox.objects.all().delete()
    moved = guard.change("PUT", "policies/catalog-readers/", without_name(READERS, target="shop/*", rules=[]))
    assert (moved.status, moved.body["target"], moved.body["rules"]) == (200, "shop/*", [])
    assert dirty() == {("inbound", "shop/catalog")}
    assert Change.objects.latest("id").summary == "target shop/catalog -> shop/*, rules changed (1 -> 0)"
    assert guard.change("DELETE", "policies/catalog-readers/").status == 204
    assert guard.get("policies/catalog-readers/").status == 404
    assert built("shop/catalog").policies == []


def test_a_change_marks_where_the_policy_was_and_where_it_is_now(admin: Api, gateway: None) -> None:
    admin.post("policies/", READERS)
    Outbox.objects.all().delete()
    admin.change("PUT", "policies/catalog-readers/", without_name(READERS, target="bank/ledger"))
    assert dirty() == {("inbound", "shop/catalog"), ("inbound", "bank/ledger")}
    Outbox.objects.all().delete()
    admin.post("policies/", ALL)
    assert dirty() == {("inbound", "shop/catalog"), ("inbound", "bank/ledger")}, "wide targets mean no gateway"
    Outbox.objects.all().delete()
    strangers = {
        "name": "strangers",
        "target": "shop/edge",
        "action": "deny",
        "rules": [{"from": {"cidrs": ["192.0.2.0/24"]}}],
    }
    assert admin.post("policies/", strangers).status == 201
    assert dirty() == {("inbound", "shop/edge")}
    assert [policy.name for policy in built("shop/edge").policies] == ["strangers"]
    assert [policy.name for policy in built("shop/catalog").policies] == ["all"]
    assert [policy.name for policy in built("bank/ledger").policies] == ["all", "catalog-readers"]


def test_what_is_published_anew_holds_gateways_too(admin: Api, gateway: None) -> None:
    assert ("inbound", "shop/edge") in set(every_key())
    keys = set(every_key())
    found = build(load(current_mesh(), keys), keys)
    assert not found.faults
    assert not found.gone
    assert found.good.keys() == keys


def test_it_outlives_its_service(admin: Api, root: Actor) -> None:
    admin.post("policies/", READERS)
    service_delete(actor=root, service="shop/catalog")
    service_create(actor=root, service="shop/catalog")
    assert [policy.name for policy in built("shop/catalog").policies] == ["catalog-readers"]


def test_every_change_can_be_reverted_by_who_may_change_it(guard: Api, operator: Api) -> None:
    def last() -> int:
        return Change.objects.latest("id").pk

    guard.post("policies/", READERS)
    created = last()
    guard.change("PUT", "policies/catalog-readers/", without_name(READERS, mode="shadow"))
    changed = last()
    assert guard.get(f"changes/{changed}/").body["revertible"]
    assert operator.post(f"changes/{changed}/revert/", {}).status == 403
    assert guard.post(f"changes/{created}/revert/", {}).status == 409, "it has changed since"
    assert guard.post(f"changes/{changed}/revert/", {}).status == 200
    assert guard.get("policies/catalog-readers/").body["mode"] == "enforce"
    guard.change("DELETE", "policies/catalog-readers/")
    deleted = last()
    assert guard.post(f"changes/{deleted}/revert/", {}).status == 200
    assert guard.get("policies/catalog-readers/").body["rules"][0]["to"]["methods"] == ["GET"]
    assert guard.post(f"changes/{created}/revert/", {}).status == 200
    assert guard.get("policies/catalog-readers/").status == 404


BAD: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"name": "7up"}, {"name": "invalid"}),
    ({"target": "shop"}, {"target": "invalid"}),
    ({"target": "shop/none"}, {"target": "unknown_service"}),
    ({"target": "bank/ledger"}, {}),
    ({"action": "audit"}, {"action": "invalid"}),
    ({"action": "deny", "rules": []}, {"rules": "required"}),
    ({"rules": [{"from": {"cidrs": ["10.0.0.0/33"]}}]}, {"rules.0.from.cidrs.0": "invalid"}),
    ({"rules": [{}, {"to": {"paths": ["/a/*/b"]}}]}, {"rules.1.to.paths.0": "invalid"}),
    ({"rules": [{"to": {"paths": ["*/%61dmin"]}}]}, {"rules.0.to.paths.0": "invalid"}),
    ({"rules": [{"when": [{"header": "x"}]}]}, {"rules.0.when.0": "required"}),
    ({"rules": [{"from": {"users": ["x"]}}]}, {"rules.0.from.users": "unknown_field"}),
    ({"rules": [{"to": {"ports": [0]}}]}, {"rules.0.to.ports.0": "invalid"}),
    ({"rules": [{"hours": {"start": 2000}}]}, {"rules.0.hours.start": "invalid"}),
    ({"rules": [{"from": {"services": ["shop/frontend"] * 501}}]}, {"rules.0.from.services": "too_many"}),
    ({"rules": [{"when": [{"header": "x y", "in": ["z"]}]}]}, {"rules.0.when.0.header": "invalid"}),
]


@pytest.mark.parametrize(("wrong", "errors"), BAD)
def test_what_cannot_be_changes_nothing(guard: Api, wrong: dict[str, Any], errors: dict[str, str]) -> None:
    before = everything()
    answer = guard.post("policies/", READERS | wrong)
    assert answer.status == (400 if errors else 403)
    assert not errors or answer.paths() == errors
    assert everything() == before


def test_a_name_is_taken_once_and_kept(guard: Api) -> None:
    guard.post("policies/", READERS)
    before = everything()
    again = guard.post("policies/", READERS)
    assert (again.status, again.body["code"]) == (409, "name_taken")
    assert guard.change("PUT", "policies/catalog-readers/", READERS).status == 400
    assert guard.call("PUT", "policies/catalog-readers/", without_name(READERS), If_Match='"old"').status == 412
    assert guard.call("PUT", "policies/catalog-readers/", without_name(READERS)).status == 428
    assert guard.call("DELETE", "policies/catalog-readers/", If_Match='"old"').status == 412
    assert guard.post("policies/?dry_run=1", READERS | {"name": "other"}).body["revision"] is None
    same = guard.change("PUT", "policies/catalog-readers/", without_name(READERS))
    assert (same.status, same.body["revision"]) == (200, None)
    assert everything() == before


def test_who_may_write_what(guard: Api, operator: Api, viewer: Api, outsider: Api, anonymous: Api, admin: Api) -> None:
    before = everything()
    for api, status in ((operator, 403), (viewer, 403), (outsider, 403), (anonymous, 401)):
        assert api.post("policies/", READERS).status == status
    assert guard.post("policies/", ALL).status == 403, "a mesh-wide policy takes a mesh-wide permission"
    assert guard.post("policies/", READERS | {"target": "bank/*"}).status == 403
    assert everything() == before
    admin.post("policies/", READERS | {"name": "theirs", "target": "bank/ledger"})
    admin.post("policies/", ALL)
    before = everything()
    for path in ("policies/theirs/", f"policies/{AccessPolicy.objects.get(name='theirs').pk}/"):
        assert guard.get(path).status == 404
        assert guard.call("DELETE", path, If_Match="*").status == 404
        assert guard.call("PUT", path, without_name(READERS), If_Match="*").status == 404
    assert guard.get("policies/all/").status == 200, "what is mesh-wide is everybody's to see"
    assert guard.call("DELETE", "policies/all/", If_Match="*").status == 403
    assert guard.call("PUT", "policies/all/", without_name(READERS), If_Match="*").status == 403, (
        "nor may it be narrowed"
    )
    assert everything() == before


def test_lists_are_filtered_and_cost_the_same_however_long(admin: Api, guard: Api) -> None:
    admin.post("policies/", READERS)
    admin.post("policies/", ALL | {"mode": "shadow"})
    admin.post("policies/", READERS | {"name": "theirs", "target": "bank/*", "description": "x"})

    def names(query: str = "", api: Api = admin) -> list[str]:
        return [row["name"] for row in api.get(f"policies/{query}").body["results"]]

    assert names() == ["all", "catalog-readers", "theirs"]
    assert names(api=guard) == ["all", "catalog-readers"]
    assert names("?service=shop/catalog") == ["all", "catalog-readers"]
    assert names("?service=bank/ledger") == ["all", "theirs"]
    assert names("?target=*") == ["all"]
    assert names("?target=bank/*") == ["theirs"]
    assert names("?namespace=shop") == ["catalog-readers"]
    assert names("?mode=shadow") == ["all"]
    assert names("?action=allow&search=items") == ["catalog-readers"]
    with CaptureQueriesContext(connection) as few:
        names("?page_size=1")
    with CaptureQueriesContext(connection) as many:
        names()
    assert len(few) == len(many)
