"""How much is traced: set by who may, published to every proxy, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.compile.proxy import trust_body
from meshui.core.models import Change, Mesh, Outbox
from meshui.delivery.load import load
from meshui.mesh.tracing import Tracing
from proxies.wire.resources import Tracing as WireTracing
from tests.support.api import Api

pytestmark = pytest.mark.django_db

PATH = "traces/settings/"
SET = {"enabled": True, "percent": 12.5, "errors": False}


def published() -> WireTracing | None:
    loaded = load(Mesh.objects.get(), [("trust", "")])
    return trust_body("mesh.local", [], tracing=loaded.tracing).tracing


def test_the_demo_traces_everything_until_somebody_says_otherwise(viewer: Api) -> None:
    shown = viewer.get(PATH).body
    assert (shown["enabled"], shown["percent"], shown["errors"]) == (True, 100, True)
    assert published() == WireTracing(percent=100, errors=True)


def test_it_is_set_and_goes_to_every_proxy(admin: Api) -> None:
    answer = admin.change("PUT", PATH, SET | {"reason": "less"})
    assert (answer.status, answer.body["percent"], answer.body["revision"] is not None) == (200, 12.5, True)
    assert Outbox.objects.filter(kind="trust").exists()
    assert published() == WireTracing(percent=12.5)
    change = Change.objects.order_by("-pk")[0]
    assert (change.action, change.summary, change.reason) == ("tracing.set", "100 % and errors -> 12.5 %", "less")
    assert admin.change("PUT", PATH, SET).body["revision"] is None


def test_where_traces_are_found_elsewhere_is_told_to_people_and_not_to_proxies(admin: Api) -> None:
    link = "https://jaeger.example.com/trace/{trace_id}"
    assert admin.change("PUT", PATH, SET | {"link": link}).body["link"] == admin.get(PATH).body["link"] == link
    assert published() == WireTracing(percent=12.5)
    change = Change.objects.order_by("-pk")[0]
    assert change.summary == f"100 % and errors -> 12.5 %, linked to {link}"
    assert admin.post(f"changes/{change.pk}/revert/").status == 200
    assert admin.get(PATH).body["link"] == ""


@pytest.mark.parametrize("link", ["javascript:alert('{trace_id}')", "https://jaeger.example.com/", "//x/{trace_id}"])
def test_a_link_leads_to_one_trace_over_http(admin: Api, link: str) -> None:
    answer = admin.change("PUT", PATH, SET | {"link": link})
    assert (answer.status, list(answer.paths())) == (400, ["link"])


def test_off_is_off(admin: Api) -> None:
    admin.change("PUT", PATH, SET | {"enabled": False})
    assert published() is None
    assert trust_body("mesh.local", [], tracing=Tracing(enabled=False)).tracing is None


def test_it_is_taken_back_with_one_revert(admin: Api) -> None:
    admin.change("PUT", PATH, SET)
    change = Change.objects.order_by("-pk")[0]
    assert admin.post(f"changes/{change.pk}/revert/", {"reason": "back"}).status == 200
    assert admin.get(PATH).body["percent"] == 100


def test_a_change_that_was_not_seen_is_not_undone(admin: Api) -> None:
    assert admin.call("PUT", PATH, SET, If_Match='"other"').status == 412
    assert admin.call("PUT", PATH, SET).status == 428


@pytest.mark.parametrize(
    ("change", "path"),
    [({"percent": 101}, "percent"), ({"percent": -1}, "percent"), ({"percent": "x"}, "percent"), ({"more": 1}, "more")],
)
def test_what_is_out_of_range_is_named(admin: Api, change: dict[str, Any], path: str) -> None:
    answer = admin.change("PUT", PATH, SET | change)
    assert (answer.status, list(answer.paths())) == (400, [path])


def test_who_may_not_change_the_whole_mesh_may_not_set_it(operator: Api, viewer: Api) -> None:
    for api in (operator, viewer):
        assert api.change("PUT", PATH, SET).status == 403
