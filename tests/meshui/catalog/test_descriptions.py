"""What an owner says of an instance: its metadata, that it drains; lists that are filtered by it, and the summary."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.catalog.models import Instance, Proxy, Service
from meshui.core.commits import current_mesh
from meshui.core.models import Change, Outbox
from meshui.delivery.load import load
from tests.support.api import Api, everything

PATH = "services/shop/catalog/instances/"
BODY = {"address": "10.0.0.7", "port": 8080, "version": "v1", "id": "c-1", "metadata": {"zone": "a", "rack": "7"}}


@pytest.fixture
def registered(operator: Api) -> Api:
    assert operator.post(PATH, BODY).status == 201
    Outbox.objects.all().delete()
    return operator


def ids(api: Api, query: str) -> list[str]:
    return [item["id"] for item in api.get(f"{PATH}?{query}").body["results"]]


def test_metadata_comes_with_the_registration_and_is_replaced_whole(registered: Api) -> None:
    assert registered.get(f"{PATH}c-1/").body["metadata"] == {"zone": "a", "rack": "7"}
    before = registered.get(f"{PATH}c-1/").etag
    changed = registered.change("PATCH", f"{PATH}c-1/", {"metadata": {"zone": "b"}, "reason": "moved"})
    assert (changed.status, changed.body["metadata"]) == (200, {"zone": "b"})
    assert changed.etag == registered.get(f"{PATH}c-1/").etag != before
    change = Change.objects.latest("id")
    assert (change.before, change.after) == ({"metadata": BODY["metadata"]}, {"metadata": {"zone": "b"}})
    # Proxies do not get it.
    assert Outbox.objects.count() == 0


def test_metadata_that_is_as_asked_makes_no_revision(registered: Api) -> None:
    same = registered.change("PATCH", f"{PATH}c-1/", {"metadata": BODY["metadata"]})
    assert (same.status, same.body["revision"]) == (200, None)


def test_where_an_instance_is_and_what_it_weighs_reach_its_callers(operator: Api) -> None:
    made = operator.post(PATH, BODY | {"weight": 50, "locality": "eu/a"})
    assert (made.body["weight"], made.body["locality"]) == (50, "eu/a")
    Outbox.objects.all().delete()
    changed = operator.change("PATCH", f"{PATH}c-1/", {"weight": 200})
    assert (changed.body["weight"], changed.body["metadata"]) == (200, BODY["metadata"])
    key = ("endpoints", "shop/catalog")
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [key]
    (instance,) = load(current_mesh(), [key]).services["shop/catalog"].instances
    assert (instance.weight, instance.locality) == (200, "eu/a")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight", 0),
        ("weight", 1001),
        ("weight", "50"),
        ("locality", "EU"),
        ("locality", "eu//a"),
        ("locality", "a/b/c/d/e"),
    ],
)
def test_an_impossible_weight_or_locality_is_refused(operator: Api, field: str, value: Any) -> None:
    before = everything()
    assert list(operator.post(PATH, BODY | {field: value}).paths()) == [field]
    assert everything() == before


def test_a_stale_edit_of_metadata_is_refused(registered: Api) -> None:
    before = everything()
    assert registered.call("PATCH", f"{PATH}c-1/", {"metadata": {}}, If_Match='"old"').status == 412
    assert everything() == before


@pytest.mark.parametrize(
    "metadata",
    [{"a b": "x"}, {"": "x"}, {"a": 1}, {"a": "x" * 513}, {"a": "line\nbreak"}, {f"k{n}": "" for n in range(65)}, []],
)
def test_metadata_is_bounded(operator: Api, metadata: Any) -> None:
    before = everything()
    refused = operator.post(PATH, BODY | {"metadata": metadata})
    assert refused.status == 400
    assert all(path.startswith("metadata") for path in refused.paths())
    assert everything() == before


def test_lists_are_filtered(registered: Api) -> None:
    registered.post(PATH, {"address": "10.0.0.8", "port": 1, "version": "v2", "id": "c-2", "metadata": {"zone": "a"}})
    Instance.objects.filter(pk="c-2").update(status="critical", draining=True)
    assert ids(registered, "status=critical") == ["c-2"]
    assert ids(registered, "version=v1") == ["c-1"]
    assert ids(registered, "draining=true") == ["c-2"]
    assert ids(registered, "metadata=zone=a") == ["c-1", "c-2"]
    assert ids(registered, "metadata=zone=a,rack=7") == ["c-1"]
    assert ids(registered, "metadata=zone=b") == []
    assert registered.get(f"{PATH}?metadata=zone").paths() == {"metadata": "invalid"}
    assert registered.get(f"{PATH}?status=well").status == 400


def test_draining_reaches_the_endpoints_and_is_taken_back(registered: Api) -> None:
    drained = registered.call("PUT", f"{PATH}c-1/draining/", {"draining": True, "reason": "new kernel"})
    assert (drained.status, drained.body["draining"], drained.body["healthy"]) == (200, True, True)
    key = ("endpoints", "shop/catalog")
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [key]
    (instance,) = load(current_mesh(), [key]).services["shop/catalog"].instances
    assert instance.draining
    change = Change.objects.latest("id")
    assert (change.action, change.reason) == ("instance.drain", "new kernel")
    assert registered.call("PUT", f"{PATH}c-1/draining/", {"draining": True}).body["revision"] is None
    back = registered.call("PUT", f"{PATH}c-1/draining/", {"draining": False})
    assert (back.body["draining"], Change.objects.latest("id").action) == (False, "instance.undrain")


def test_a_dry_run_drains_nobody(registered: Api) -> None:
    before = everything()
    shown = registered.call("PUT", f"{PATH}c-1/draining/?dry_run=1", {"draining": True}).body
    assert (shown["draining"], shown["revision"]) == (True, None)
    assert everything() == before


def test_a_service_sums_up_its_health(registered: Api) -> None:
    def health() -> Any:
        return registered.get("services/shop/catalog/").body["health"]

    assert health() == {"status": "passing", "passing": 1, "critical": 0, "draining": 0}
    registered.post(PATH, {"address": "10.0.0.8", "port": 1, "version": "v2", "id": "c-2"})
    Instance.objects.filter(pk="c-2").update(status="critical", draining=True)
    assert health() == {"status": "degraded", "passing": 1, "critical": 1, "draining": 1}
    Instance.objects.update(status="critical")
    assert health()["status"] == "critical"


def test_an_instance_behind_a_proxy_is_not_deregistered_by_hand(operator: Api, catalog: Service) -> None:
    version = catalog.versions.get(name="v1")
    proxy = Proxy.objects.create(id="px-1", name="one", service=catalog, version=version, redis_password_sha256="0")
    Instance.objects.create(id="px-1", service=catalog, version=version, proxy=proxy, address="10.0.0.1", port=80)
    before = everything()
    refused = operator.change("DELETE", f"{PATH}px-1/")
    assert (refused.status, refused.body["code"]) == (409, "has_proxy")
    assert everything() == before
