"""Why a request may pass, what a draft would change, what would be enough: decided by the code that proxies run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from meshui.catalog.models import Service
from meshui.catalog.services import service_create
from meshui.core.actors import Actor
from meshui.telemetry import samples
from meshui.telemetry.samples import Sample
from meshui.telemetry.window import Window
from meshui.traffic.services import HostRule, gateway_put
from proxies.wire.reports import EdgeDelta
from tests.meshui.telemetry.fixtures import frames
from tests.meshui.telemetry.mesh import call
from tests.meshui.telemetry.seconds import second
from tests.support.api import Api, everything, make_user

__all__ = ["frames"]

READERS: dict[str, Any] = {
    "name": "readers",
    "target": "shop/catalog",
    "action": "allow",
    "rules": [{"from": {"services": ["shop/frontend"]}, "to": {"methods": ["GET"], "paths": ["/items/*"]}}],
}
NO_WRITES: dict[str, Any] = {
    "name": "no-writes",
    "target": "shop/*",
    "action": "deny",
    "rules": [{"to": {"not_methods": ["GET"]}}, {"to": {"paths": ["/admin/*"]}}],
}


def called(*, secured: bool = True) -> EdgeDelta:
    """One request to ``shop/catalog``, as its caller counted it."""
    return call("shop/catalog", codes={200: 1}, secured=secured)


@pytest.fixture
def shop(catalog: Service, root: Actor) -> Api:
    """Security in ``shop``, with a frontend and a gateway."""
    service_create(actor=root, service="shop/frontend")
    gateway_put(actor=root, gateway="shop/edge", hosts=[HostRule("*", "shop/catalog")])
    return Api(make_user("gwen", ("security", "shop")))


def explain(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("policies/explain/", {"service": "shop/catalog", "source": "shop/frontend", **fields})
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_why_a_request_may_pass(shop: Api) -> None:
    plain = explain(shop)
    assert (plain["allowed"], plain["policy"], plain["steps"]) == (True, "", [])
    assert plain["because"] == "no policy decides, and the default is to allow"
    shop.post("policies/", READERS)
    shop.post("policies/", NO_WRITES)
    before = everything()
    passed = explain(shop, path="//items/./7")
    assert (passed["allowed"], passed["policy"], passed["rule"]) == (True, "readers", 0)
    assert passed["because"] == "rule 0 of allow policy readers matches"
    deny, allow = passed["steps"]
    assert (deny["policy"], deny["action"], deny["matched"], deny["decisive"]) == ("no-writes", "deny", False, False)
    assert [rule["unmet"] for rule in deny["rules"]] == [["to.not_methods"], ["to.paths"]]
    assert (allow["matched"], allow["decisive"], allow["rules"]) == (True, True, [{"index": 0, "unmet": []}])
    refused = explain(shop, source="shop/cart", path="/other")
    assert (refused["allowed"], refused["policy"]) == (False, "readers")
    assert refused["because"] == "no rule of readers matches, and what no allow policy allows is denied"
    assert refused["steps"][1]["rules"][0]["unmet"] == ["from.services", "to.paths"]
    put = explain(shop, method="PUT", path="/items/7")
    assert (put["allowed"], put["policy"], put["rule"]) == (False, "no-writes", 0)
    assert everything() == before


def test_a_draft_takes_the_place_of_its_name_and_is_checked(shop: Api) -> None:
    shop.post("policies/", READERS)
    shadow = explain(shop, path="/x", policy=READERS | {"mode": "shadow"})
    assert (shadow["allowed"], shadow["shadow"]) == (True, "readers")
    wrong = READERS | {"rules": [{"to": {"paths": ["/a/*/b"]}}]}
    body = {"service": "shop/catalog", "policy": wrong}
    assert shop.post("policies/explain/", body).paths() == {"policy.rules.0.to.paths.0": "invalid"}
    assert shop.post("policies/explain/", {"service": "shop/catalog", "path": "/%2f"}).status == 400
    assert shop.post("policies/explain/", {"service": "shop/catalog", "address": "nowhere"}).status == 400
    assert shop.post("policies/explain/", {"service": "bank/ledger"}).status == 404


def test_time_and_address_are_as_said(shop: Api) -> None:
    rules = [{"from": {"cidrs": ["192.0.2.0/24"]}, "hours": {"start": 540, "end": 1020, "days": [0]}}]
    shop.post("policies/", {"name": "desk", "target": "shop/edge", "action": "allow", "rules": rules})
    asked = {"service": "shop/edge", "source": "", "address": "192.0.2.7"}
    assert explain(shop, **asked, at="2026-11-23T09:00:00Z")["allowed"]
    assert not explain(shop, **asked, at="2026-11-24T09:00:00Z")["allowed"]
    assert not explain(shop, **asked | {"address": "198.51.100.1"}, at="2026-11-23T09:00:00Z")["allowed"]


# --- simulate


def simulate(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("simulate/", {"source": "shop/frontend", "host": "catalog.shop.mesh", **fields})
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_a_simulation_says_what_the_destinations_policies_decide(shop: Api) -> None:
    allowed = {"service": "shop/catalog", "allowed": True, "policy": "", "rule": None, "shadow": ""}
    assert simulate(shop)["policy"] == allowed
    shop.post("policies/", READERS)
    passed = simulate(shop, path="/items/7")
    assert (passed["outcome"], passed["policy"]["policy"], passed["policy"]["rule"]) == ("forward", "readers", 0)
    refused = simulate(shop, path="/other")
    assert (refused["outcome"], refused["status"], refused["flag"]) == ("refused", 403, "UAEX")
    assert refused["route"]["name"] == "default", "it got as far as this"
    assert refused["policy"]["allowed"] is False
    tried = simulate(shop, path="/items/7", draft={"policy": NO_WRITES | {"rules": [{"to": {"paths": ["/items/*"]}}]}})
    assert (tried["policy"]["policy"], tried["status"]) == ("no-writes", 403)


def test_policies_see_what_a_route_made_of_a_request(shop: Api, operator: Api) -> None:
    rewritten = {"name": "r", "match": {"path": {"kind": "prefix", "value": "/open"}}, "rewrite": {"prefix": "/admin"}}
    assert operator.change("PUT", "services/shop/catalog/routes/", {"routes": [rewritten]}).status == 200
    shop.post("policies/", NO_WRITES)
    assert simulate(shop, path="/open/x")["policy"]["policy"] == "no-writes"


def test_a_gateways_policies_come_first(shop: Api) -> None:
    shop.post(
        "policies/", READERS | {"target": "shop/edge", "name": "edge", "rules": [{"from": {"cidrs": ["10.0.0.0/8"]}}]}
    )
    outside = simulate(shop, source="shop/edge", address="192.0.2.1")
    assert (outside["outcome"], outside["policy"]["service"], outside["route"]) == ("refused", "shop/edge", None)
    inside = simulate(shop, source="shop/edge", address="10.1.2.3")
    assert (inside["outcome"], inside["policy"]["service"]) == ("forward", "shop/catalog")


# --- replay and suggest


def told(weight: int = 1, **changes: Any) -> Sample:
    plain: dict[str, Any] = {"source": "shop/frontend", "destination": "shop/catalog", "route": "r", "weight": weight}
    plain |= {
        "method": "GET",
        "host": "catalog.shop.mesh",
        "path": "/items/7",
        "query": [],
        "headers": [],
        "cookies": [],
    }
    return Sample(**{**plain, **changes})


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """What proxies told of in the last hour."""
    found: list[Sample] = []

    def read(since: float, until: float) -> Sequence[tuple[float, list[Sample]]]:
        return [(time.time(), found)]

    monkeypatch.setattr(samples, "read", read)
    return found


def replay(api: Api, policy: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("policies/replay/", {"policy": policy})
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_a_draft_is_replayed_on_what_was_seen(shop: Api, seen: list[Sample]) -> None:
    seen += [
        told(10),
        told(5, path="/items/8"),
        told(7, source="bank/ledger"),
        told(3, path="/admin/1"),
        told(9, destination="bank/ledger"),
    ]
    before = everything()
    done = replay(shop, READERS)
    assert (done["sampled"], done["requests"], done["newly_denied"], done["unjudged"]) == (4, 25, 10, 0)
    first, second_, third = done["rows"]
    assert (first["source"], first["requests"], first["now"], first["draft"]) == ("hidden", 7, "allowed", "denied")
    assert (second_["source"], second_["path"], second_["policy"]) == ("shop/frontend", "/admin/*", "readers")
    assert (third["path"], third["requests"], third["changed"]) == ("/items/*", 15, False)
    shop.post("policies/", READERS)
    assert replay(shop, READERS)["newly_denied"] == 0
    assert replay(shop, READERS | {"rules": [{}]})["newly_allowed"] == 10, "the draft stands in its place"
    assert replay(shop, READERS | {"mode": "shadow"})["newly_allowed"] == 10
    assert everything() != before


def test_what_a_service_calls_is_not_taken_for_a_caller_of_it(shop: Api, seen: list[Sample]) -> None:
    seen += [told(6, source="shop/catalog", destination="bank/ledger"), told(2, source="shop/catalog"), told(1)]
    done = replay(shop, READERS)
    assert [(row["source"], row["requests"]) for row in done["rows"]] == [("shop/catalog", 2), ("shop/frontend", 1)]
    assert done["newly_denied"] == 2


def test_what_was_not_told_is_not_judged(shop: Api, seen: list[Sample]) -> None:
    seen += [told(4, headers=[("x-tier", None)]), told(2, headers=[("x-tier", "gold")]), told(1)]
    gold = READERS | {"rules": [{"when": [{"header": "X-Tier", "in": ["gold"]}]}]}
    done = replay(shop, gold)
    assert (done["unjudged"], done["untold"], done["newly_denied"]) == (4, ["x-tier"], 1)
    ranged = replay(shop, READERS | {"rules": [{"from": {"cidrs": ["10.0.0.0/8"]}}]})
    assert (ranged["unjudged"], ranged["untold"]) == (7, ["the caller's address"])


def test_a_gateways_draft_is_replayed_on_what_came_by_it(shop: Api, seen: list[Sample]) -> None:
    seen += [told(4, source="shop/edge", method="PUT"), told(2, source="shop/edge"), told(8)]
    done = replay(shop, NO_WRITES | {"target": "shop/edge"})
    assert (done["requests"], done["newly_denied"]) == (6, 4)
    assert {row["source"] for row in done["rows"]} == {"unknown"}


def test_replay_is_of_what_one_may_view(shop: Api, seen: list[Sample]) -> None:
    assert shop.post("policies/replay/", {"policy": READERS | {"target": "*"}}).status == 403
    assert shop.post("policies/replay/", {"policy": READERS | {"target": "bank/ledger"}}).status == 403
    assert shop.post("policies/replay/", {"policy": READERS, "window": "2h"}).status == 400


def test_the_narrowest_policy_that_lets_pass_what_was_seen(shop: Api, seen: list[Sample], frames: Window) -> None:
    seen += [
        told(),
        told(path="/items/8"),
        told(path="/cart", method="POST"),
        told(source="bank/ledger", path="/odd{}/x"),
    ]
    edges = [called()]
    second(frames, time.time(), shop_frontend=edges, shop_edge=[called()])
    answer = shop.post("policies/suggest/", {"service": "shop/catalog", "window": "5m"})
    assert answer.status == 200, answer.body
    policy = answer.body["policy"]
    assert (policy["name"], policy["target"], policy["mode"]) == ("catalog-callers", "shop/catalog", "shadow")
    rules = {tuple(rule["from"]["services"]): rule["to"] for rule in policy["rules"]}
    assert rules["shop/frontend",]["paths"] == ["/cart", "/items/{id}"]
    assert rules["shop/frontend",]["methods"] == ["GET", "POST"]
    assert rules["bank/ledger",]["paths"] == []
    assert (rules["shop/edge",]["methods"], rules["shop/edge",]["paths"]) == ([], []), "it called, and told of nothing"
    assert {row["source"] for row in answer.body["sources"]} == {"shop/frontend", "shop/edge", "hidden"}
    body = {field: policy[field] for field in ("name", "target", "action", "rules")}
    assert shop.post("policies/?dry_run=1", body).status == 201, "it can be stored as it is"
    assert replay(shop, body)["newly_denied"] == 0
    assert shop.post("policies/suggest/", {"service": "bank/ledger"}).status == 404


# --- matrix and plaintext


def matrix(api: Api) -> dict[tuple[str, str], dict[str, Any]]:
    answer = api.get("policies/matrix/?window=1m")
    assert answer.status == 200, answer.body
    return {(cell["source"], cell["destination"]): cell for cell in answer.body["cells"]}


def test_the_matrix_holds_policy_beside_traffic(shop: Api, frames: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    second(frames, time.time(), shop_frontend=[called()])
    (cell,) = (cell for cell in matrix(shop).values() if cell["source"] != "unknown")
    assert (cell["policy"], cell["requests"], cell["disagrees"], cell["why"]) == ("allowed", 1, False, "")
    shop.post("policies/", READERS)
    found = matrix(shop)
    assert found["shop/frontend", "shop/catalog"]["policy"] == "conditional"
    assert found["shop/frontend", "shop/catalog"]["by"] == ["readers"]
    assert found["unknown", "shop/frontend"]["policy"] == "denied", "a strict port takes nobody without an identity"
    by_name = {row["service"]: row["policy"] for row in shop.get("policies/matrix/").body["destinations"]}
    assert by_name == {"shop/catalog": "denied", "shop/frontend": "allowed"}
    shop.post("policies/", NO_WRITES | {"rules": [{"from": {"services": ["shop/frontend"]}}]})
    fresh = matrix(shop)["shop/frontend", "shop/catalog"]
    assert (fresh["policy"], fresh["requests"], fresh["disagrees"]) == ("denied", 1, False), (
        "it passed before the change"
    )
    monkeypatch.setattr("meshui.security.matrix.SETTLED_S", -30)  # as though it had passed after it
    denied = matrix(shop)["shop/frontend", "shop/catalog"]
    assert (denied["policy"], denied["disagrees"], denied["why"]) == ("denied", True, "passed_though_denied")
    assert all(not name.startswith("bank/") for pair in found for name in pair)


def test_who_still_speaks_plaintext(shop: Api, frames: Window) -> None:
    def services() -> dict[str, dict[str, Any]]:
        body = shop.get("mtls/plaintext/?window=60s").body
        return {row["service"]: row for row in body["services"]}

    assert services()["shop/catalog"]["safe_to_make_strict"] is None
    shop.change("PUT", "mtls/services/shop/catalog/", {"mtls": "permissive"})
    assert services()["shop/catalog"]["safe_to_make_strict"] is False, "nothing was observed"
    end = float(int(time.time()))
    for ago in range(70, -1, -1):
        second(frames, end - ago, shop_frontend=[called(secured=True)])
    ready = services()["shop/catalog"]
    assert (ready["safe_to_make_strict"], ready["plaintext"]) == (True, 0)
    second(frames, end + 1, shop_frontend=[called(secured=False)])
    assert services()["shop/catalog"]["safe_to_make_strict"] is False
    (edge,) = shop.get("mtls/plaintext/?window=60s").body["edges"]
    assert (edge["source"], edge["destination"], edge["plaintext"], edge["requests"]) == (
        "shop/frontend",
        "shop/catalog",
        1,
        60,
    )
