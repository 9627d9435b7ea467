"""mTLS modes and default actions, by scope: the most specific says, and proxies are told."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.catalog.models import Service
from meshui.core.actors import Actor
from meshui.core.commits import current_mesh
from meshui.core.models import Change, Outbox
from meshui.delivery.build import build
from meshui.delivery.load import load
from meshui.security.access import plaintext_services
from meshui.traffic.services import gateway_put
from tests.support.api import Api, everything, make_user

MESH, SHOP, CATALOG = "mtls/", "mtls/namespaces/shop/", "mtls/services/shop/catalog/"


@pytest.fixture
def guard(catalog: Service) -> Api:
    return Api(make_user("gwen", ("security", "shop")))


def put(api: Api, path: str, **body: Any) -> Any:
    return api.change("PUT", path, body)


def effective(api: Api) -> dict[str, dict[str, Any]]:
    return {row["service"]: row for row in api.get(MESH).body["effective"]}


def received(service: str) -> Any:
    wanted = {("inbound", service)}
    (resource,) = build(load(current_mesh(), wanted), wanted).good.values()
    return resource.body


def test_the_most_specific_scope_says(admin: Api) -> None:
    assert effective(admin)["shop/catalog"] == {
        "service": "shop/catalog",
        "gateway": False,
        "mtls": "strict",
        "mtls_from": "built-in",
        "default_action": "allow",
        "default_from": "built-in",
        "tokens": {"providers": [], "required": False},
        "tokens_from": "built-in",
        "policies": [],
    }
    assert put(admin, MESH, mtls="permissive", default_action="deny").status == 200
    assert put(admin, SHOP, default_action="allow").status == 200
    done = put(admin, CATALOG, mtls="strict", reason="ready")
    assert (done.status, done.body["scope"], done.body["mtls"]) == (200, "shop/catalog", "strict")
    found = effective(admin)["shop/catalog"]
    assert (found["mtls"], found["mtls_from"]) == ("strict", "shop/catalog")
    assert (found["default_action"], found["default_from"]) == ("allow", "shop")
    ledger = effective(admin)["bank/ledger"]
    assert (ledger["mtls"], ledger["mtls_from"], ledger["default_from"]) == ("permissive", "*", "*")
    assert (received("shop/catalog").mtls, received("shop/catalog").default) == ("strict", "allow")
    assert (received("bank/ledger").mtls, received("bank/ledger").default) == ("permissive", "deny")
    table = admin.get(MESH).body
    assert table["mesh"]["default_action"] == "deny"
    assert [row["scope"] for row in table["settings"]] == ["shop", "shop/catalog"]


def test_a_change_is_logged_marks_all_that_it_touches_and_is_reverted(admin: Api) -> None:
    Outbox.objects.all().delete()
    done = put(admin, MESH, default_action="deny", reason="zero trust")
    assert {(row.kind, row.name) for row in Outbox.objects.all()} == {
        ("inbound", "shop/catalog"),
        ("inbound", "bank/ledger"),
    }
    change = Change.objects.get(revision_id=done.body["revision"])
    assert (change.action, change.object, change.summary) == ("access.set", "access:*", "default inherited -> deny")
    assert admin.post(f"changes/{change.pk}/revert/", {}).status == 200
    assert admin.get(MESH).body["mesh"]["default_action"] is None
    assert admin.post(f"changes/{change.pk}/revert/", {}).status == 409


def test_without_mtls_callers_are_told_to_speak_plaintext(admin: Api, root: Actor) -> None:
    wanted = {("endpoints", "shop/catalog")}
    Outbox.objects.all().delete()
    put(admin, CATALOG, mtls="disable")
    assert ("endpoints", "shop/catalog") in {(row.kind, row.name) for row in Outbox.objects.all()}
    assert load(current_mesh(), wanted).services["shop/catalog"].secured is False
    assert plaintext_services() == {"shop/catalog"}
    put(admin, CATALOG, mtls="permissive")
    assert load(current_mesh(), wanted).services["shop/catalog"].secured is True
    assert plaintext_services() == frozenset()


def test_a_gateway_takes_its_own_default_alone(admin: Api, root: Actor) -> None:
    gateway_put(actor=root, gateway="shop/edge", hosts=[])
    put(admin, MESH, mtls="permissive", default_action="deny")
    edge = effective(admin)["shop/edge"]
    assert (edge["gateway"], edge["mtls"], edge["default_action"]) == (True, None, "allow")
    refused = put(admin, "mtls/services/shop/edge/", mtls="permissive")
    assert (refused.status, refused.paths()) == (400, {"mtls": "gateway"})
    assert put(admin, "mtls/services/shop/edge/", default_action="deny").status == 200
    assert received("shop/edge").default == "deny"


def test_who_may_set_what(guard: Api, operator: Api, viewer: Api, outsider: Api) -> None:
    before = everything()
    assert guard.call("PUT", MESH, {"mtls": "permissive"}, If_Match="*").status == 403
    for api, status in ((operator, 403), (viewer, 403), (outsider, 404)):
        assert api.call("PUT", CATALOG, {"mtls": "permissive"}, If_Match="*").status == status
    assert guard.call("PUT", "mtls/namespaces/bank/", {"mtls": "permissive"}, If_Match="*").status == 404
    assert guard.call("PUT", CATALOG, {"mtls": "permissive"}).status == 428
    assert guard.call("PUT", CATALOG, {"mtls": "permissive"}, If_Match='"old"').status == 412
    assert guard.call("PUT", "mtls/services/shop/none/", {"mtls": "permissive"}, If_Match="*").status == 400
    assert guard.change("PUT", f"{CATALOG}?dry_run=1", {"mtls": "permissive"}).status == 200
    assert put(guard, CATALOG).body["revision"] is None, "nothing was set, and nothing is"
    assert everything() == before
    assert put(guard, CATALOG, mtls="permissive").status == 200
    assert set(effective(guard)) == {"shop/catalog"}
