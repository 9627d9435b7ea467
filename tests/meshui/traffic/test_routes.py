"""Routes, limits, the removal of versions and reverts over REST; resilience has test_resilience.py."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.core.models import Change, Outbox
from meshui.traffic.models import TrafficRules
from tests.support.api import Api, everything

SERVICE = "services/shop/catalog/"
LIMITS = f"{SERVICE}limits/"
NOTHING_MORE: dict[str, Any] = {
    "redirect": None,
    "direct": None,
    "rewrite": None,
    "request_headers": None,
    "response_headers": None,
    "backends": {},
    "mirror": None,
    "fault": None,
    "sticky": None,
    "limits": [],
}
RETRY: dict[str, Any] = {
    "attempts": 1,
    "on": ["connect-failure", "reset-before-request", "refused"],
    "codes": [],
    "per_try_timeout_ms": 0,
    "unsafe": False,
    "backoff_ms": 25,
    "backoff_max_ms": 250,
}
PATH = f"{SERVICE}routes/"
DEFAULT = {
    "name": "default",
    "match": {"path": None, "methods": [], "headers": [], "query": [], "cookies": [], "sources": []},
    "weights": None,
    "timeouts": {"request_ms": 15000, "idle_ms": 300000},
    "retry": RETRY,
    **NOTHING_MORE,
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
    "retry": {**RETRY, "attempts": 3, "on": ["5xx"], "codes": [425, 429], "per_try_timeout_ms": 500},
    **NOTHING_MORE,
    "rewrite": {"path": "", "prefix": "/v2", "regex": "", "substitution": "", "host": "new.example"},
    "request_headers": {"set": {"x-a": "1"}, "add": {}, "remove": ["cookie"]},
    "backends": {"v2": {"request_headers": None, "response_headers": {"set": {}, "add": {"x-b": "2"}, "remove": []}}},
    "mirror": {"version": "v1", "percent": 12.5, "unsafe": False},
    "fault": {"delay_ms": 5, "delay_percent": 100.0, "abort_status": 503, "abort_percent": 1.0, "header": "x-fault"},
    "sticky": {"kind": "cookie", "name": "u", "ttl_s": 60},
    "limits": [
        {
            "name": "l",
            "requests": 10,
            "per_ms": 1000,
            "burst": 0,
            "by": ["source", "header:x-api-key"],
            "scope": "global",
            "on_error": "deny",
        }
    ],
}
AWAY = {
    "name": "away",
    "redirect": {
        "code": 301,
        "scheme": "https",
        "host": "",
        "port": 0,
        "path": "",
        "prefix": "",
        "strip_query": False,
    },
}
SAID = {"name": "said", "direct": {"status": 404, "body": "no", "content_type": "text/plain; charset=utf-8"}}


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


def test_a_route_may_answer_itself(operator: Api) -> None:
    done = operator.change("PUT", PATH, {"routes": [AWAY, SAID, {"name": "default"}]})
    assert done.status == 200
    assert done.body["routes"][0] == {**DEFAULT, **AWAY}
    assert done.body["routes"][1] == {**DEFAULT, **SAID}


def test_routes_of_an_older_shape_are_still_read(operator: Api) -> None:
    done = operator.change("PUT", PATH, {"routes": [BETA, DEFAULT]})
    rules = TrafficRules.objects.get()
    assert rules.routes is not None
    rules.routes = [{"name": "old", "match": {"path": None, "methods": [], "headers": []}, "weights": None}]
    rules.save()
    assert done.status == 200
    assert operator.get(PATH).body["routes"] == [{**DEFAULT, "name": "old"}]


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
        ([{"name": "a", "colour": 1}], {"routes.0.colour": "unknown_field"}),
        ([{"name": "a", "mirror": {}}], {"routes.0.mirror.version": "required"}),
        ([{"name": "a", "mirror": {"version": "v9"}}], {"routes.0.mirror.version": "unknown_version"}),
        ([{"name": "a", "mirror": {"version": "v1", "percent": 101}}], {"routes.0.mirror.percent": "invalid"}),
        ([{"name": "a", "mirror": {"version": "v1", "to": 1}}], {"routes.0.mirror.to": "unknown_field"}),
        ([{"name": "a", "redirect": {}}], {"routes.0.redirect.path": "required"}),
        ([{"name": "a", "redirect": {"code": 304, "path": "/"}}], {"routes.0.redirect.code": "invalid"}),
        (
            [{"name": "a", "redirect": {"path": "/"}, "weights": {"v1": 100}, "sticky": {"kind": "source"}}],
            {"routes.0.weights": "conflict", "routes.0.sticky": "conflict"},
        ),
        (
            [{"name": "a", "direct": {"status": 200}, "backends": {"v1": {}}}],
            {"routes.0.weights": "conflict"},
        ),
        ([{"name": "a", "direct": {"status": 99}}], {"routes.0.direct.status": "invalid"}),
        ([{"name": "a", "rewrite": {"prefix": "/b"}}], {"routes.0.rewrite.prefix": "conflict"}),
        (
            [{"name": "a", "rewrite": {"regex": "(a)", "substitution": "\\2"}}],
            {"routes.0.rewrite.substitution": "invalid"},
        ),
        (
            [{"name": "a", "request_headers": {"set": {"host": "b"}}}],
            {"routes.0.request_headers.set.host": "forbidden"},
        ),
        (
            [{"name": "a", "response_headers": {"remove": ["transfer-encoding"]}}],
            {"routes.0.response_headers.remove.0": "forbidden"},
        ),
        (
            [{"name": "a", "backends": {"v2": {"request_headers": {"set": {"via": "x"}}}}}],
            {"routes.0.backends.v2.request_headers.set.via": "forbidden"},
        ),
        ([{"name": "a", "backends": {"v9": {}}}], {"routes.0.backends.v9": "unknown_version"}),
        ([{"name": "a", "weights": {"v1": 100}, "backends": {"v2": {}}}], {"routes.0.backends.v2": "unused"}),
        ([{"name": "a", "fault": {}}], {"routes.0.fault": "required"}),
        ([{"name": "a", "fault": {"abort_status": 100}}], {"routes.0.fault.abort_status": "range"}),
        ([{"name": "a", "sticky": {"kind": "cookie"}}], {"routes.0.sticky.name": "required"}),
        (
            [{"name": "a", "limits": [{"name": "l", "requests": 1}, {"name": "l", "requests": 1}]}],
            {"routes.0.limits.1.name": "duplicate"},
        ),
        (
            [{"name": "a", "limits": [{"name": "l", "requests": 1, "by": ["ip"]}]}],
            {"routes.0.limits.0.by.0": "invalid"},
        ),
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
        ([{"name": "a", "retry": None}], {"routes.0.retry": "invalid"}),
        ([{"name": "a", "retry": {"attempts": 11}}], {"routes.0.retry.attempts": "invalid"}),
        ([{"name": "a", "retry": {"on": ["moonlight"]}}], {"routes.0.retry.on.0": "invalid"}),
        ([{"name": "a", "retry": {"on": ["5xx", "5xx"]}}], {"routes.0.retry.on.1": "duplicate"}),
        ([{"name": "a", "retry": {"codes": [200]}}], {"routes.0.retry.codes.0": "invalid"}),
        ([{"name": "a", "retry": {"codes": [429, 425, 429]}}], {"routes.0.retry.codes.2": "duplicate"}),
        ([{"name": "a", "retry": {"on": []}}], {"routes.0.retry.on": "required"}),
        ([{"name": "a", "retry": {"backoff_ms": 500}}], {"routes.0.retry.backoff_max_ms": "range"}),
        ([{"name": "a", "retry": {"per_try_timeout_ms": 15000}}], {"routes.0.retry.per_try_timeout_ms": "range"}),
        ([{"name": "a", "retry": {"tries": 1}}], {"routes.0.retry.tries": "unknown_field"}),
        (
            [{"name": "a", "direct": {"status": 200}, "retry": {"attempts": 2}}],
            {"routes.0.retry": "conflict"},
        ),
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


def test_limits_are_set_whole_and_reverted(operator: Api) -> None:
    assert operator.get(LIMITS).body["limits"] == []
    Outbox.objects.all().delete()
    limit = {"name": "l", "requests": 5, "per_ms": 1000, "burst": 0, "by": ["source"]}
    limit |= {"scope": "local", "on_error": "allow"}
    done = operator.change("PUT", LIMITS, {"limits": [limit]})
    assert (done.status, done.body["limits"], operator.get(LIMITS).etag) == (200, [limit], done.etag)
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("inbound", "shop/catalog")]
    change = Change.objects.latest("id")
    assert (change.action, change.summary) == ("limits.set", "+ l")
    before = everything()
    assert operator.change("PUT", LIMITS, {"limits": [limit]}).body["revision"] is None
    twice = operator.change("PUT", LIMITS, {"limits": [limit, limit]})
    assert (twice.status, twice.paths()) == (400, {"limits.1.name": "duplicate"})
    unknown = operator.change("PUT", LIMITS, {"limits": [{**limit, "by": ["path"]}]})
    assert unknown.paths() == {"limits.0.by.0": "invalid"}
    unused = operator.change("PUT", LIMITS, {"limits": [{**limit, "on_error": "deny"}]})
    assert unused.paths() == {"limits.0.on_error": "unused"}
    assert everything() == before
    assert operator.post(f"changes/{change.pk}/revert/", {}).status == 200
    assert operator.get(LIMITS).body["limits"] == []


def test_a_version_goes_only_when_nothing_leads_to_it(operator: Api) -> None:
    path = f"{SERVICE}versions/"

    def refused(version: str) -> tuple[int, str]:
        answer = operator.call("DELETE", f"{path}{version}/")
        return answer.status, answer.body["code"]

    assert refused("v1") == (409, "in_use")
    operator.change("PUT", f"{SERVICE}routes/", {"routes": [BETA, DEFAULT]})
    assert refused("v2") == (409, "in_use")
    for rule in ({"mirror": {"version": "v2"}}, {"backends": {"v2": {}}}):
        operator.change("PUT", f"{SERVICE}routes/", {"routes": [{"name": "a", **rule}]})
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
