"""What a described request would meet: the listener, the route, shares, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.catalog.services import service_create
from meshui.mesh.values import RateLimit
from meshui.traffic.services import HostRule, gateway_put, limits_set
from tests.meshui.conftest import SETUP
from tests.support.api import Api, everything

SERVICE = "services/shop/catalog/"
HOST = "catalog.shop.mesh"


@pytest.fixture
def mesh(operator: Api) -> Api:
    """A caller, a gateway, and routes of every outcome."""
    service_create(actor=SETUP, service="shop/frontend")
    service_create(actor=SETUP, service="shop/empty")
    gateway_put(actor=SETUP, gateway="shop/edge", hosts=[HostRule("*.example", "shop/catalog")])
    limits_set(actor=SETUP, service="shop/catalog", limits=[RateLimit(name="own", requests=9)])
    routes = [
        {"name": "edge", "match": {"sources": ["shop/edge"]}, "weights": {"v2": 100}},
        {
            "name": "items",
            "match": {"path": {"kind": "template", "value": "/items/{id}"}},
            "rewrite": {"regex": "/items/(.*)", "substitution": "/i/\\1", "host": "new.example"},
            "request_headers": {"set": {"x-a": "1"}},
            "timeouts": {"request_ms": 700},
            "limits": [{"name": "l", "requests": 1}],
        },
        {"name": "away", "match": {"path": {"kind": "exact", "value": "/away"}}, "redirect": {"path": "/b"}},
        {
            "name": "said",
            "match": {"path": {"kind": "exact", "value": "/said"}},
            "direct": {"status": 403},
            "response_headers": {"set": {"x-why": "no"}},
        },
        {
            "name": "sticky",
            "match": {"path": {"kind": "prefix", "value": "/sticky"}},
            "weights": {"v1": 50, "v2": 50},
            "backends": {"v2": {"request_headers": {"set": {"x-to": "v2"}}}},
            "sticky": {"kind": "header", "name": "x-user"},
        },
        {"name": "get", "match": {"methods": ["GET"]}},
    ]
    assert operator.change("PUT", f"{SERVICE}routes/", {"routes": routes}).status == 200
    assert operator.change("PUT", f"{SERVICE}split/", {"weights": {"v1": 75, "v2": 25}}).status == 200
    return operator


def simulate(api: Api, **fields: Any) -> Any:
    answer = api.post("simulate/", {"source": "shop/frontend", "host": HOST, **fields})
    assert answer.status == 200, answer.body
    return answer.body


def test_a_request_that_is_forwarded(mesh: Api) -> None:
    before = everything()
    met = simulate(mesh, path="/items/7?q=1", headers={"X-A": "0", "x-b": "2"})
    assert (met["listener"], met["outcome"], met["service"]) == ("outbound", "forward", "shop/catalog")
    assert (met["route"]["name"], met["index"], met["chosen"]) == ("items", 1, "")
    assert met["backends"] == [{"version": "v1", "share": 75.0}, {"version": "v2", "share": 25.0}]
    assert met["lines"] == ["GET /i/7?q=1 HTTP/1.1", "host: new.example", "x-b: 2", "x-a: 1"]
    assert [limit["name"] for limit in met["limits"]] == ["l", "own"]
    assert (met["timeouts"]["request_ms"], met["connect_timeout_ms"]) == (700, 1000)
    assert everything() == before


@pytest.mark.parametrize(
    ("asked", "outcome", "status", "flag", "route"),
    [
        ({"path": "/away"}, "redirect", 302, "", "away"),
        ({"path": "/said"}, "direct", 403, "", "said"),
        ({"method": "POST"}, "refused", 404, "NR", None),
        ({"path": "/a%2Fb"}, "refused", 400, "DPE", None),
        ({"headers": {"x y": "1"}}, "refused", 400, "DPE", None),
        ({"headers": {"content-length": "1", "transfer-encoding": "chunked"}}, "refused", 400, "DPE", None),
        ({"host": "elsewhere.example"}, "refused", 502, "NR", None),
        ({"host": "nobody.shop.mesh"}, "refused", 502, "NR", None),
        ({"source": "shop/edge", "host": "elsewhere"}, "refused", 404, "NR", None),
        ({"source": "shop/edge", "host": "a.example:443"}, "forward", 0, "", "edge"),
        ({"host": "EMPTY.shop.mesh:80"}, "forward", 0, "", "default"),
    ],
)
def test_outcomes(mesh: Api, asked: dict[str, Any], outcome: str, status: int, flag: str, route: str | None) -> None:
    met = simulate(mesh, **asked)
    assert (met["outcome"], met["status"], met["flag"]) == (outcome, status, flag)
    assert (met["route"] or {}).get("name") == route
    assert bool(met["reason"]) == (outcome == "refused")


def test_answers_carry_their_fields(mesh: Api) -> None:
    assert simulate(mesh, path="/away?x")["lines"] == ["location: http://catalog.shop.mesh/b?x"]
    assert simulate(mesh, path="/said")["lines"] == ["x-why: no"]


def test_stickiness_says_who_goes_where(mesh: Api) -> None:
    found = {simulate(mesh, path="/sticky", headers={"x-user": f"u{n}"})["chosen"] for n in range(20)}
    assert found == {"v1", "v2"}
    assert simulate(mesh, path="/sticky")["chosen"] == ""
    for number in range(20):
        met = simulate(mesh, path="/sticky", headers={"x-user": f"u{number}"})
        assert ("x-to: v2" in met["lines"]) == (met["chosen"] == "v2")


def test_a_draft_is_judged_instead(mesh: Api) -> None:
    before = everything()
    draft = {"routes": [{"name": "new"}], "split": {"v1": 1, "v2": 99}}
    met = simulate(mesh, method="POST", draft=draft)
    assert (met["route"]["name"], met["backends"][1]) == ("new", {"version": "v2", "share": 99.0})
    wrong = {"routes": [{"name": "a", "redirect": {}}], "split": {"v9": 100}}
    refused = mesh.post("simulate/", {"source": "shop/frontend", "host": HOST, "draft": wrong})
    assert refused.status == 400
    assert refused.paths() == {"draft.split.v9": "unknown_version", "draft.routes.0.redirect.path": "required"}
    assert everything() == before


def test_only_what_one_may_view_is_told(mesh: Api, outsider: Api, viewer: Api, anonymous: Api) -> None:
    asked = {"source": "shop/frontend", "host": HOST}
    assert viewer.post("simulate/", asked).status == 200
    assert outsider.post("simulate/", asked).status == 404
    assert outsider.post("simulate/", {"source": "bank/ledger", "host": HOST}).status == 404
    assert outsider.post("simulate/", {"source": "bank/ledger", "host": "ledger.bank.mesh"}).status == 200
    assert mesh.post("simulate/", {"source": "shop/frontend", "host": "ledger.bank.mesh"}).status == 404
    assert mesh.post("simulate/", {"source": "shop/frontend", "host": "nobody.bank.mesh"}).status == 404
    assert mesh.post("simulate/", {"source": "shop/nobody", "host": HOST}).status == 404
    assert anonymous.post("simulate/", asked).status == 401
