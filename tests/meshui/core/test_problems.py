"""Errors that no endpoint raises itself: what is shown, and what is not."""

from __future__ import annotations

import json

import pytest
from django.db import OperationalError
from django.test import Client

from tests.support.api import Api

SPLIT = "services/shop/catalog/split/"


def test_an_unknown_path_of_the_api_is_a_problem(viewer: Api) -> None:
    refused = viewer.get("nothing/here/")
    assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert refused.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api", "/api/v2/services/", "/static/nothing.js"])
def test_paths_beside_the_dashboard_are_not_the_dashboard(db: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "changes/"), ("PUT", "services/"), ("POST", SPLIT)])
def test_a_method_that_is_not_there(operator: Api, method: str, path: str) -> None:
    refused = operator.call(method, path, {}, If_Match="*")
    assert (refused.status, refused.body["code"]) == (405, "method_not_allowed")


def test_a_body_that_is_not_json(operator: Api) -> None:
    refused = operator.call("PUT", SPLIT, raw=b"a=1", If_Match="*", Content_Type="application/x-www-form-urlencoded")
    assert (refused.status, refused.body["code"]) == (415, "unsupported_media_type")


def test_a_client_that_takes_no_json(viewer: Api) -> None:
    refused = viewer.get("services/", Accept="image/png")
    assert (refused.status, refused.body["code"]) == (406, "not_acceptable")


def test_a_body_that_is_too_large(operator: Api) -> None:
    refused = operator.call("PUT", SPLIT, raw=b" " * 3_000_000, If_Match="*")
    assert (refused.status, refused.body["code"]) == (413, "too_large")


def test_an_unforeseen_error_shows_nothing_of_itself(viewer: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("meshui.catalog.selectors.services_shown", broken)
    shown = viewer.get("services/")
    assert (shown.status, shown.body["code"]) == (500, "internal_error")
    assert "hunter2" not in json.dumps(shown.body)


def test_a_database_that_is_away_is_said_to_be_temporary(viewer: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection to 10.0.0.5 refused")

    monkeypatch.setattr("meshui.catalog.selectors.services_shown", away)
    shown = viewer.get("services/")
    assert (shown.status, shown.body["code"], shown.headers["Retry-After"]) == (503, "unavailable", "1")
    assert "10.0.0.5" not in json.dumps(shown.body)
