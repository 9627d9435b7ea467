"""Splits over REST: the walk of a good change, and every bad one changing nothing."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.core.models import Change, Mesh, Outbox
from tests.support.api import Api, everything

PATH = "services/shop/catalog/split/"


def test_a_change_is_a_revision_a_log_line_and_a_dirty_resource(operator: Api) -> None:
    read = operator.get(PATH)
    assert (read.status, read.body["weights"]) == (200, {"v1": 100, "v2": 0})
    assert read.etag == f'"{read.body["version"]}"'
    before = Mesh.objects.get().revision
    Outbox.objects.all().delete()

    done = operator.call("PUT", PATH, {"weights": {"v1": 90, "v2": 10}, "reason": "canary"}, If_Match=read.etag)

    assert (done.status, done.body["weights"], done.body["revision"]) == (200, {"v1": 90, "v2": 10}, before + 1)
    after = operator.get(PATH)
    assert after.body["weights"] == {"v1": 90, "v2": 10}
    assert after.etag == done.etag == f'"{done.body["version"]}"' != read.etag
    change = Change.objects.get(revision_id=before + 1)
    assert (change.actor, change.action, change.object) == ("olga", "split.set", "service:shop/catalog")
    assert (change.namespace, change.reason, change.address) == ("shop", "canary", "127.0.0.1")
    assert change.summary == "v1 100 -> 90, v2 0 -> 10"
    assert (change.before, change.after) == ({"weights": {"v1": 100, "v2": 0}}, {"weights": {"v1": 90, "v2": 10}})
    assert [(o.revision, o.kind, o.name) for o in Outbox.objects.all()] == [(before + 1, "service", "shop/catalog")]
    assert operator.get("services/shop/catalog/").body["revision"] == before + 1


def test_a_version_left_out_gets_nothing(operator: Api) -> None:
    assert operator.change("PUT", PATH, {"weights": {"v2": 100}}).body["weights"] == {"v1": 0, "v2": 100}


def test_the_same_weights_make_no_revision(operator: Api) -> None:
    before = everything()
    done = operator.change("PUT", PATH, {"weights": {"v1": 100, "v2": 0}})
    assert (done.status, done.body["revision"]) == (200, None)
    assert everything() == before


def test_a_dry_run_answers_what_would_be_and_changes_nothing(operator: Api) -> None:
    before = everything()
    done = operator.change("PUT", f"{PATH}?dry_run=1", {"weights": {"v1": 50, "v2": 50}})
    assert (done.status, done.body["weights"], done.body["revision"]) == (200, {"v1": 50, "v2": 50}, None)
    assert everything() == before


def test_a_dry_run_refuses_what_the_change_would_refuse(operator: Api) -> None:
    assert operator.change("PUT", f"{PATH}?dry_run=1", {"weights": {"v1": 50}}).status == 400


GOOD = {"weights": {"v1": 50, "v2": 50}}


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"weights": {"v1": 50, "v2": 40}}, {"weights": "sum"}),
        ({"weights": {"v1": 50, "v3": 50}}, {"weights.v3": "unknown_version"}),
        ({"weights": {"v1": 150, "v2": -50}}, {"weights.v1": "range", "weights.v2": "range"}),
        ({"weights": {"v1": "50", "v2": 50}}, {"weights": "invalid"}),
        ({"weights": {"v1": 50.5, "v2": 49.5}}, {"weights": "invalid"}),
        ({"weights": {"v1": True, "v2": 99}}, {"weights": "invalid"}),
        ({"weights": []}, {"weights": "invalid"}),
        ({"weights": {}}, {"weights": "sum"}),
        ({}, {"weights": "required"}),
        ([], {"": "invalid"}),
        ({**GOOD, "wieghts": 1}, {"wieghts": "unknown_field"}),
        ({**GOOD, "reason": "x" * 501}, {"reason": "invalid"}),
        ({**GOOD, "reason": "line\nline"}, {"reason": "control_character"}),
        ({**GOOD, "reason": "nul\0"}, {"reason": "control_character"}),
    ],
)
def test_a_bad_body_names_its_fields_and_changes_nothing(operator: Api, body: Any, paths: dict[str, str]) -> None:
    before = everything()
    refused = operator.change("PUT", PATH, body)
    assert (refused.status, refused.body["code"]) == (400, "invalid")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.paths() == paths
    assert everything() == before


@pytest.mark.parametrize(
    "raw", [b"{", b"weights", b'{"weights": NaN}', b"\xff", b'{"reason": "\\ud800"}', b"[" * 100_000]
)
def test_a_body_that_is_no_json_is_said_so(operator: Api, raw: bytes) -> None:
    before = everything()
    refused = operator.call("PUT", PATH, raw=raw, If_Match="*")
    assert (refused.status, refused.body["code"]) == (400, "malformed_json")
    assert everything() == before


def test_a_stale_version_is_refused(operator: Api) -> None:
    stale = operator.get(PATH).etag
    operator.call("PUT", PATH, {"weights": {"v1": 90, "v2": 10}}, If_Match=stale)
    before = everything()
    refused = operator.call("PUT", PATH, GOOD, If_Match=stale)
    assert (refused.status, refused.body["code"]) == (412, "stale")
    assert everything() == before


def test_without_a_version_nothing_is_written(operator: Api) -> None:
    before = everything()
    refused = operator.call("PUT", PATH, GOOD)
    assert (refused.status, refused.body["code"]) == (428, "precondition_required")
    assert everything() == before


@pytest.mark.parametrize("header", ["abc", 'W/"abc"', '"a", "b"', '"a'])
def test_an_if_match_that_cannot_match_is_refused(operator: Api, header: str) -> None:
    refused = operator.call("PUT", PATH, GOOD, If_Match=header)
    assert (refused.status, refused.paths()) == (400, {"If-Match": "invalid"})


def test_a_star_takes_any_version(operator: Api) -> None:
    assert operator.call("PUT", PATH, GOOD, If_Match="*").status == 200


def test_unknown_parameters_are_refused(operator: Api) -> None:
    before = everything()
    assert operator.change("PUT", f"{PATH}?dryrun=1", GOOD).paths() == {"dryrun": "unknown_field"}
    assert operator.change("PUT", f"{PATH}?dry_run=1&dry_run=0", GOOD).paths() == {"dry_run": "repeated"}
    assert everything() == before


def test_an_unknown_service_is_not_found(operator: Api) -> None:
    assert operator.call("PUT", "services/shop/nothing/split/", GOOD, If_Match="*").status == 404


def test_a_viewer_may_not(viewer: Api) -> None:
    before = everything()
    assert viewer.change("PUT", PATH, GOOD).body["code"] == "permission_denied"
    assert everything() == before
