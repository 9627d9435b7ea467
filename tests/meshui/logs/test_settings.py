"""Which requests are logged: set by who may, published to every proxy, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.compile.proxy import trust_body
from meshui.core.models import Change, Mesh, Outbox
from meshui.delivery.load import load
from meshui.logs.settings import PRODUCTION
from proxies.wire.logs import AccessLog
from tests.support.api import Api

pytestmark = pytest.mark.django_db

PATH = "logs/settings/"


def published() -> AccessLog | None:
    loaded = load(Mesh.objects.get(), [("trust", "")])
    return trust_body("mesh.local", [], logging=loaded.logging).access_log


def test_the_demo_logs_failures_and_a_tenth_and_production_nothing(viewer: Api) -> None:
    shown = viewer.get(PATH).body
    assert (shown["mode"], shown["percent"], shown["collected"]) == ("all", 10, True)
    assert published() == AccessLog(percent=10, report=True)
    assert trust_body("mesh.local", [], logging=PRODUCTION).access_log is None


@pytest.mark.parametrize(
    ("sent", "shown", "told"),
    [
        ({"mode": "errors"}, 0, AccessLog(percent=0, report=True)),
        ({"mode": "errors", "percent": 0}, 0, AccessLog(percent=0, report=True)),
        ({"mode": "all"}, 100, AccessLog(percent=100, report=True)),
        ({"mode": "all", "percent": 2.5, "collected": False}, 2.5, AccessLog(percent=2.5, report=False)),
        ({"mode": "off"}, 0, None),
    ],
)
def test_it_is_set_and_goes_to_every_proxy(admin: Api, sent: Any, shown: float, told: AccessLog | None) -> None:
    answer = admin.change("PUT", PATH, sent | {"reason": "less"})
    assert (answer.status, answer.body["mode"], answer.body["percent"]) == (200, sent["mode"], shown)
    assert Outbox.objects.filter(kind="trust").exists()
    assert published() == told
    change = Change.objects.order_by("-pk")[0]
    assert (change.action, change.reason, change.summary.partition(" -> ")[0]) == (
        *("logging.set", "less", "errors and 10 %"),
    )
    assert admin.change("PUT", PATH, sent).body["revision"] is None


def test_it_is_taken_back_with_one_revert(admin: Api) -> None:
    admin.change("PUT", PATH, {"mode": "off"})
    assert admin.post(f"changes/{Change.objects.order_by('-pk')[0].pk}/revert/").status == 200
    assert admin.get(PATH).body["mode"] == "all"


def test_a_change_that_was_not_seen_is_not_undone(admin: Api) -> None:
    assert admin.call("PUT", PATH, {"mode": "off"}, If_Match='"other"').status == 412
    assert admin.call("PUT", PATH, {"mode": "off"}).status == 428
    assert admin.change("PUT", f"{PATH}?dry_run=1", {"mode": "off"}).status == 200
    assert admin.get(PATH).body["mode"] == "all"


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"mode": "some"}, "mode"),
        ({"mode": "all", "percent": 0}, "percent"),
        ({"mode": "all", "percent": 101}, "percent"),
        ({"mode": "errors", "percent": 5}, "percent"),
        ({"mode": "off", "more": 1}, "more"),
    ],
)
def test_what_is_no_setting_is_refused(admin: Api, sent: Any, path: str) -> None:
    answer = admin.change("PUT", PATH, sent)
    assert (answer.status, list(answer.paths())) == (400, [path])


def test_an_operator_of_one_namespace_does_not_set_the_whole_mesh(operator: Api) -> None:
    assert operator.change("PUT", PATH, {"mode": "off"}).status == 403
