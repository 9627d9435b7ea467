"""A draft tried on requests that were told of: what changes, what cannot be judged, who may see."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from meshui.core.errors import Unavailable
from meshui.telemetry import samples
from meshui.telemetry.samples import Sample
from tests.support.api import Api, everything

PATH = "services/shop/catalog/dry-run/"
BETA = {
    "name": "beta",
    "match": {"headers": [{"name": "x-tier", "kind": "exact", "value": "beta"}]},
    "weights": {"v2": 100},
}


def request(weight: int = 1, **changes: Any) -> Sample:
    plain = {
        "source": "shop/frontend",
        "destination": "shop/catalog",
        "route": "default",
        "weight": weight,
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
    told: list[Sample] = []

    def read(since: float, until: float) -> Sequence[tuple[float, list[Sample]]]:
        assert 3590 < until - since < 3610
        return [(time.time(), told)]

    monkeypatch.setattr(samples, "read", read)
    return told


def test_a_draft_is_tried_on_what_was_seen(operator: Api, seen: list[Sample]) -> None:
    seen += [
        request(10, headers=[("x-tier", "beta")]),
        request(30, path="/items/8"),
        request(20, path="/items/9", headers=[("x-tier", "gold")]),
        request(99, destination="bank/ledger"),
    ]
    before = everything()
    done = operator.post(PATH, {"draft": {"routes": [BETA, {"name": "default"}]}})
    assert done.status == 200
    body = done.body
    assert (body["sampled"], body["requests"], body["changed"], body["unjudged"]) == (3, 60, 10, 0)
    moved, stayed = body["rows"]
    assert (moved["changed"], moved["requests"], moved["path"]) == (True, 10, "/items/*")
    assert moved["now"] == {"route": "default", "answer": "forward", "status": 0, "shares": {"v1": 100.0}}
    assert moved["draft"] == {"route": "beta", "answer": "forward", "status": 0, "shares": {"v2": 100.0}}
    assert (stayed["changed"], stayed["requests"]) == (False, 50)
    assert everything() == before


@pytest.mark.parametrize(
    ("match", "taken"),
    [
        ({"path": {"kind": "template", "value": "/items/{id}"}}, True),
        ({"path": {"kind": "exact", "value": "/items"}}, False),
        ({"methods": ["GET"]}, True),
        ({"sources": ["shop/frontend"]}, True),
        ({"sources": ["tools/*"]}, False),
        ({"query": [{"name": "q", "value": "a b"}]}, True),
        ({"query": [{"name": "page", "kind": "present"}]}, True),
        ({"cookies": [{"name": "who", "value": "ana"}]}, True),
        ({"cookies": [{"name": "who", "value": "ben"}]}, False),
    ],
)
def test_every_condition_is_judged(operator: Api, seen: list[Sample], match: dict[str, Any], taken: bool) -> None:
    seen.append(request(query=[("q", "a b"), ("page", None)], cookies=[("who", "ana"), ("other", None)]))
    away = {"name": "away", "match": match, "direct": {"status": 410}}
    body = operator.post(PATH, {"draft": {"routes": [away, {"name": "default"}]}}).body
    assert body["rows"][0]["draft"]["status"] == (410 if taken else 0)


def test_a_value_that_was_not_told_is_not_guessed(operator: Api, seen: list[Sample]) -> None:
    seen += [request(5, headers=[("x-tier", None)]), request(2)]
    body = operator.post(PATH, {"draft": {"routes": [BETA, {"name": "default"}]}}).body
    assert (body["requests"], body["unjudged"], body["untold"], body["changed"]) == (7, 5, ["x-tier"], 0)


def test_a_split_is_tried_too(operator: Api, seen: list[Sample]) -> None:
    seen.append(request(4))
    body = operator.post(PATH, {"draft": {"split": {"v1": 75, "v2": 25}}}).body
    assert body["rows"][0]["draft"]["shares"] == {"v1": 75.0, "v2": 25.0}
    assert body["changed"] == 4


def test_no_route_is_a_fate_too(operator: Api, seen: list[Sample]) -> None:
    seen.append(request())
    body = operator.post(PATH, {"draft": {"routes": [BETA]}}).body
    assert body["rows"][0]["draft"] == {"route": "", "answer": "refused", "status": 404, "shares": {}}


def test_sources_elsewhere_are_hidden(operator: Api, viewer: Api, seen: list[Sample]) -> None:
    seen.append(request(source="bank/ledger"))
    draft = {"draft": {"split": {"v1": 0, "v2": 100}}}
    assert operator.post(PATH, draft).body["rows"][0]["source"] == "hidden"
    assert viewer.post(PATH, draft).body["rows"][0]["source"] == "bank/ledger"


def test_a_bad_draft_is_refused_at_its_field(operator: Api, seen: list[Sample]) -> None:
    done = operator.post(PATH, {"draft": {"routes": [{"name": "a", "weights": {"v9": 100}}]}})
    assert done.paths() == {"draft.routes.0.weights.v9": "unknown_version"}
    assert operator.post(PATH, {"draft": {}, "window": "2h"}).paths() == {"window": "out_of_range"}


def test_without_samples_it_says_so(operator: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(since: float, until: float) -> Sequence[tuple[float, list[Sample]]]:
        raise Unavailable("recent requests cannot be read")

    monkeypatch.setattr(samples, "read", away)
    assert operator.post(PATH, {"draft": {}}).status == 503
