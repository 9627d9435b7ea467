"""Namespaces, services and versions over REST."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.catalog.models import Service
from meshui.core.models import Change, Outbox
from meshui.traffic.services import HostRule, gateway_put
from tests.support.api import Api, everything

CATALOG = "services/shop/catalog/"


def dirty() -> set[str]:
    return {f"{row.kind}:{row.name}" for row in Outbox.objects.all()}


def test_a_service_is_shown_whole(operator: Api) -> None:
    shown = operator.get(CATALOG).body
    assert shown.pop("updated_at")
    assert shown.pop("revision") > 0
    assert shown == {
        "id": "shop/catalog",
        "namespace": "shop",
        "name": "catalog",
        "description": "",
        "protocol": "http",
        "port": None,
        "hosts": ["catalog.shop.mesh"],
        "versions": [
            {"name": "v1", "weight": 100, "instances": 0, "healthy": 0, "draining": 0},
            {"name": "v2", "weight": 0, "instances": 0, "healthy": 0, "draining": 0},
        ],
        "instances": 0,
        "healthy": 0,
        "health": {"status": "empty", "passing": 0, "critical": 0, "draining": 0},
        "split": {"v1": 100, "v2": 0},
    }


def test_a_new_service_is_published_with_all_it_has(operator: Api) -> None:
    Outbox.objects.all().delete()
    body = {"namespace": "shop", "name": "cart", "versions": ["v2", "v1"], "description": "carts", "reason": "new"}
    made = operator.post("services/", body)
    assert (made.status, made.body["split"]) == (201, {"v1": 0, "v2": 100})
    assert dirty() == {"service:shop/cart", "endpoints:shop/cart", "inbound:shop/cart", "directory:"}
    assert operator.get("services/shop/cart/").etag == made.etag
    change = Change.objects.get(revision_id=made.body["revision"])
    assert (change.action, change.object, change.reason) == ("service.create", "service:shop/cart", "new")


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"name": "Cart"}, {"name": "invalid"}),
        ({"name": "c" * 64}, {"name": "invalid"}),
        ({"name": "cart", "versions": []}, {"versions": "invalid"}),
        ({"name": "cart", "versions": ["v1", "v1"]}, {"versions.1": "duplicate"}),
        ({"name": "cart", "versions": ["V1"]}, {"versions.0": "invalid"}),
        ({"name": "cart", "kind": "gateway"}, {"kind": "unknown_field"}),
        ({"name": "cart\n"}, {"name": "control_character"}),
        ({}, {"name": "required"}),
    ],
)
def test_a_bad_service_is_refused(operator: Api, body: dict[str, Any], paths: dict[str, str]) -> None:
    before = everything()
    assert operator.post("services/", {"namespace": "shop"} | body).paths() == paths
    assert everything() == before


def test_names_are_taken_once(admin: Api) -> None:
    before = everything()
    assert admin.post("services/", {"namespace": "shop", "name": "catalog"}).body["code"] == "conflict"
    assert admin.post("services/", {"namespace": "nowhere", "name": "catalog"}).status == 404
    assert admin.post("namespaces/", {"name": "shop"}).body["code"] == "conflict"
    assert admin.post(f"{CATALOG}versions/", {"name": "v1"}).body["code"] == "conflict"
    assert everything() == before


def test_the_description_is_edited_with_a_version(operator: Api) -> None:
    read = operator.get(CATALOG)
    done = operator.call("PATCH", CATALOG, {"description": "what we sell"}, If_Match=read.etag)
    assert (done.status, done.body["description"]) == (200, "what we sell")
    assert operator.call("PATCH", CATALOG, {"description": "x"}, If_Match=read.etag).status == 412
    assert operator.call("PATCH", CATALOG, {"description": "x"}).status == 428
    assert operator.get(CATALOG).body["description"] == "what we sell"


def test_a_change_of_the_split_leaves_the_version_of_the_service_alone(operator: Api) -> None:
    read = operator.get(CATALOG)
    operator.change("PUT", f"{CATALOG}split/", {"weights": {"v1": 50, "v2": 50}})
    assert operator.get(CATALOG).etag == read.etag


def test_a_deleted_service_is_withdrawn(operator: Api) -> None:
    Outbox.objects.all().delete()
    assert operator.change("DELETE", f"{CATALOG}?dry_run=1").status == 204
    assert operator.get(CATALOG).status == 200
    assert not dirty()
    assert operator.change("DELETE", f"{CATALOG}?reason=old").status == 204
    assert operator.get(CATALOG).status == 404
    assert dirty() == {"service:shop/catalog", "endpoints:shop/catalog", "inbound:shop/catalog", "directory:"}
    assert Change.objects.latest("id").reason == "old"


def test_a_service_that_a_gateway_leads_to_stays(operator: Api, root: Any) -> None:
    gateway_put(actor=root, gateway="bank/edge", hosts=[HostRule("*", "shop/catalog")])
    before = everything()
    refused = operator.change("DELETE", CATALOG)
    assert (refused.status, refused.body["code"]) == (409, "in_use")
    assert everything() == before


def test_a_namespace_goes_only_when_empty(admin: Api) -> None:
    refused = admin.change("DELETE", "namespaces/shop/")
    assert (refused.status, refused.body["code"]) == (409, "in_use")
    admin.change("DELETE", CATALOG)
    assert admin.change("DELETE", "namespaces/shop/").status == 204
    assert admin.get("namespaces/shop/").status == 404


def test_namespaces_are_made_by_who_may_write_everywhere(operator: Api, admin: Api) -> None:
    assert operator.post("namespaces/", {"name": "new"}).status == 403
    made = admin.post("namespaces/", {"name": "new", "description": "d"})
    assert (made.status, made.body["name"], made.body["services"]) == (201, "new", 0)
    assert admin.get("namespaces/new/").etag == made.etag


def test_a_new_version_gets_no_traffic(operator: Api) -> None:
    made = operator.post(f"{CATALOG}versions/", {"name": "v3"})
    assert (made.status, made.body["weight"]) == (201, 0)
    assert operator.get(f"{CATALOG}split/").body["weights"] == {"v1": 100, "v2": 0, "v3": 0}
    assert [version["name"] for version in operator.get(f"{CATALOG}versions/").body["results"]] == ["v1", "v2", "v3"]


def test_the_list_is_filtered_ordered_and_narrowed(admin: Api, operator: Api) -> None:
    def ids(api: Api, query: str = "") -> list[str]:
        return [service["id"] for service in api.get(f"services/?{query}").body["results"]]

    assert ids(admin) == ["bank/ledger", "shop/catalog"]
    assert ids(admin, "ordering=-name") == ["shop/catalog", "bank/ledger"]
    assert ids(admin, "namespace=bank") == ["bank/ledger"]
    assert ids(admin, "search=LOG") == ["shop/catalog"]
    assert ids(admin, "search=ban") == ["bank/ledger"]
    assert ids(operator) == ["shop/catalog"]
    assert ids(operator, "namespace=bank") == []
    assert admin.get("services/?ordering=secret").paths() == {"ordering": "invalid"}
    assert admin.get("services/?nope=1").paths() == {"nope": "unknown_field"}


def test_gateways_are_no_services(operator: Api, root: Any) -> None:
    gateway_put(actor=root, gateway="shop/edge", hosts=[])
    assert operator.get("services/shop/edge/").status == 404
    assert operator.get("services/shop/edge/split/").status == 404
    assert operator.get("namespaces/shop/").body["services"] == 1
    assert Service.objects.filter(name="edge").exists()


def test_the_control_planes_own_namespace_is_nobodys(admin: Api) -> None:
    """Its registry has an identity there, which no service may get."""
    assert admin.post("namespaces/", {"name": "meshui"}).paths() == {"name": "reserved"}
