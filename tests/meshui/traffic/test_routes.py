"""Routes, resilience and the removal of versions over REST."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.core.models import Change, Outbox
from tests.support.api import Api, everything

SERVICE = "services/shop/catalog/"
PATH = f"{SERVICE}routes/"
DEFAULT = {
    "name": "default",
    "match": {"path": None, "methods": [], "headers": [], "query": [], "cookies": [], "sources": []},
    "weights": None,
    "timeouts": {"request_ms": 15000, "idle_ms": 300000},
}
BETA = {
    "name": "beta",
    "match": {
        "path": {"kind": "prefix", "value": "/items"},
        "methods": ["GET", "HEAD"],
        "headers": [{"name": "x-tier", "kind": "exact", "value": "gold", "invert": False}],
        "query": [{"name": "Page", "kind": "regex", "value": "[0-9]+", "invert": False}],
        "cookies": [{"name": "beta", "kind": "present", "value": "", "invert": True}],
        "sources": ["shop/frontend", "tools/*"],
    },
    "weights": {"v2": 100},
    "timeouts": {"request_ms": 2000, "idle_ms": 1000},
}


def test_a_new_service_has_the_default_route(operator: Api) -> None:
    shown = operator.get(PATH)
    assert shown.body["routes"] == [DEFAULT]
    assert shown.etag == f'"{shown.body["version"]}"'


def test_routes_are_set_whole_and_in_order(operator: Api) -> None:
    Outbox.objects.all().delete()
    done = operator.change("PUT", PATH, {"routes": [BETA, {"name": "default"}], "reason": "beta testers"})
    assert (done.status, done.body["routes"]) == (200, [BETA, DEFAULT])
    assert operator.get(PATH).body["routes"] == [BETA, DEFAULT]
    assert operator.get(PATH).etag == done.etag
    change = Change.objects.get(revision_id=done.body["revision"])
    assert (change.action, change.summary, change.before) == ("routes.set", "+ beta", {"routes": [DEFAULT]})
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("service", "shop/catalog")]
    moved = operator.change("PUT", PATH, {"routes": [DEFAULT, BETA]})
    assert [route["name"] for route in moved.body["routes"]] == ["default", "beta"]
    assert Change.objects.latest("id").summary == "reordered"


def test_the_same_routes_make_no_revision(operator: Api) -> None:
    before = everything()
    assert operator.change("PUT", PATH, {"routes": [{"name": "default"}]}).body["revision"] is None
    assert everything() == before


@pytest.mark.parametrize(
    ("routes", "paths"),
    [
        ([], {"routes": "invalid"}),
        ([{}], {"routes.0.name": "required"}),
        ([{"name": "A"}], {"routes.0.name": "invalid"}),
        ([{"name": "a"}, {"name": "a"}], {"routes.1.name": "duplicate"}),
        ([{"name": "a", "mirror": {}}], {"routes.0.mirror": "unknown_field"}),
        ([{"name": "a", "match": {"path": {"kind": "glob", "value": "/"}}}], {"routes.0.match.path.kind": "invalid"}),
        (
            [{"name": "a", "match": {"path": {"kind": "regex", "value": "/(a"}}}],
            {"routes.0.match.path.value": "invalid"},
        ),
        (
            [{"name": "a", "match": {"path": {"kind": "template", "value": "/a{id}"}}}],
            {"routes.0.match.path.value": "invalid"},
        ),
        (
            [{"name": "a", "match": {"query": [{"name": "q", "kind": "regex", "value": "(?=a)"}]}}],
            {"routes.0.match.query.0.value": "invalid"},
        ),
        ([{"name": "a", "match": {"cookies": [{"name": "c"}]}}], {"routes.0.match.cookies.0.value": "required"}),
        ([{"name": "a", "match": {"sources": ["*"]}}], {"routes.0.match.sources.0": "invalid"}),
        ([{"name": "a", "match": {"path": {"kind": "exact", "value": "x"}}}], {"routes.0.match.path.value": "invalid"}),
        ([{"name": "a", "match": {"methods": ["get"]}}], {"routes.0.match.methods.0": "invalid"}),
        (
            [{"name": "a", "match": {"headers": [{"name": "x y", "value": "1"}]}}],
            {"routes.0.match.headers.0.name": "invalid"},
        ),
        ([{"name": "a", "match": {"headers": [{"name": "x"}]}}], {"routes.0.match.headers.0.value": "required"}),
        (
            [{"name": "a", "match": {"headers": [{"name": "x", "kind": "present", "value": "1"}]}}],
            {"routes.0.match.headers.0.value": "unused"},
        ),
        (
            [{"name": "a", "match": {"headers": [{"name": "x", "value": "a\r\nb"}]}}],
            {"routes.0.match.headers.0.value": "control_character"},
        ),
        ([{"name": "a", "weights": {"v3": 100}}], {"routes.0.weights.v3": "unknown_version"}),
        ([{"name": "a", "weights": {"v1": 99}}], {"routes.0.weights": "sum"}),
        ([{"name": "a", "timeouts": {"request_ms": 0}}], {"routes.0.timeouts.request_ms": "invalid"}),
        ([{"name": f"r{n}"} for n in range(201)], {"routes": "invalid"}),
    ],
)
def test_bad_routes_name_their_field_and_change_nothing(
    operator: Api, routes: list[Any], paths: dict[str, str]
) -> None:
    before = everything()
    refused = operator.change("PUT", PATH, {"routes": routes})
    assert (refused.status, refused.paths()) == (400, paths)
    assert everything() == before


def test_stale_and_missing_versions_and_dry_runs(operator: Api) -> None:
    stale = operator.get(PATH).etag
    operator.change("PUT", PATH, {"routes": [BETA, DEFAULT]})
    before = everything()
    body = {"routes": [DEFAULT, BETA]}
    assert operator.call("PUT", PATH, body, If_Match=stale).status == 412
    assert operator.call("PUT", PATH, body).status == 428
    dry = operator.change("PUT", f"{PATH}?dry_run=1", body)
    assert (dry.status, dry.body["revision"], dry.body["routes"]) == (200, None, [DEFAULT, BETA])
    assert everything() == before


def test_resilience_is_set(operator: Api) -> None:
    path = f"{SERVICE}resilience/"
    assert operator.get(path).body["connect_timeout_ms"] == 1000
    stale = operator.get(path).etag
    done = operator.change("PUT", path, {"connect_timeout_ms": 250})
    assert (done.body["connect_timeout_ms"], done.body["revision"] > 0) == (250, True)
    assert Change.objects.latest("id").summary == "connect_timeout_ms 1000 -> 250"
    before = everything()
    assert operator.call("PUT", path, {"connect_timeout_ms": 1}, If_Match=stale).status == 412
    assert operator.change("PUT", path, {"connect_timeout_ms": 0}).paths() == {"connect_timeout_ms": "invalid"}
    assert operator.change("PUT", path, {"connect_timeout_ms": 250}).body["revision"] is None
    assert everything() == before


def test_a_version_goes_only_when_nothing_leads_to_it(operator: Api) -> None:
    path = f"{SERVICE}versions/"

    def refused(version: str) -> tuple[int, str]:
        answer = operator.call("DELETE", f"{path}{version}/")
        return answer.status, answer.body["code"]

    assert refused("v1") == (409, "in_use")
    operator.change("PUT", f"{SERVICE}routes/", {"routes": [BETA, DEFAULT]})
    assert refused("v2") == (409, "in_use")
    operator.change("PUT", f"{SERVICE}routes/", {"routes": [DEFAULT]})
    operator.post(f"{SERVICE}instances/", {"address": "10.0.0.1", "port": 80, "version": "v2", "id": "i"})
    assert refused("v2") == (409, "in_use")
    operator.change("DELETE", f"{SERVICE}instances/i/")
    assert refused("v9") == (404, "not_found")
    assert operator.call("DELETE", f"{path}v2/?dry_run=1").status == 204
    assert operator.get(f"{SERVICE}split/").body["weights"] == {"v1": 100, "v2": 0}
    assert operator.call("DELETE", f"{path}v2/").status == 204
    assert operator.get(f"{SERVICE}split/").body["weights"] == {"v1": 100}


# --- reverting --------------------------------------------------------------------------------------------------


def revert(api: Api, **body: str) -> Any:
    return api.post(f"changes/{Change.objects.latest('id').pk}/revert/", body)


def test_a_split_is_reverted(operator: Api) -> None:
    operator.change("PUT", f"{SERVICE}split/", {"weights": {"v1": 50, "v2": 50}})
    done = revert(operator, reason="errors")
    assert done.status == 200
    assert operator.get(f"{SERVICE}split/").body["weights"] == {"v1": 100, "v2": 0}
    change = Change.objects.get(revision_id=done.body["revision"])
    assert (change.action, change.reason) == ("split.set", "errors")


def test_routes_and_resilience_are_reverted(operator: Api) -> None:
    operator.change("PUT", PATH, {"routes": [BETA, DEFAULT]})
    assert revert(operator).status == 200
    assert operator.get(PATH).body["routes"] == [DEFAULT]
    operator.change("PUT", f"{SERVICE}resilience/", {"connect_timeout_ms": 5})
    assert revert(operator).status == 200
    assert operator.get(f"{SERVICE}resilience/").body["connect_timeout_ms"] == 1000


def test_what_has_changed_since_is_not_reverted(operator: Api) -> None:
    operator.change("PUT", f"{SERVICE}split/", {"weights": {"v1": 50, "v2": 50}})
    first = Change.objects.latest("id").pk
    operator.change("PUT", f"{SERVICE}split/", {"weights": {"v1": 20, "v2": 80}})
    before = everything()
    refused = operator.post(f"changes/{first}/revert/", {})
    assert (refused.status, refused.body["code"]) == (409, "conflict")
    assert everything() == before


def test_what_cannot_be_reverted_says_so(operator: Api) -> None:
    operator.post(f"{SERVICE}versions/", {"name": "v3"})
    refused = revert(operator)
    assert (refused.status, refused.body["code"]) == (409, "not_revertible")


def test_who_may_not_change_traffic_may_not_revert(operator: Api, viewer: Api, outsider: Api) -> None:
    operator.change("PUT", f"{SERVICE}split/", {"weights": {"v1": 50, "v2": 50}})
    before = everything()
    assert revert(viewer).status == 403
    assert revert(outsider).status == 404
    assert everything() == before
