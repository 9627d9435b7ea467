"""What is no API: health, metrics, the dashboard's page, the schema and its reading room."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from meshui.core import health
from tests.support.api import Api


def test_health_needs_nothing() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_when_all_is_there(db: None) -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "missing": {}})


def test_not_ready_names_what_is_missing_and_no_secrets(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_redis(*_: object) -> None:
        raise redis.ConnectionError("redis://default:secret@10.0.0.5")

    def no_database() -> None:
        raise OperationalError("password=secret")

    monkeypatch.setattr(cache, "get", no_redis)
    monkeypatch.setattr(health, "CHECKS", {**health.CHECKS, "database": no_database})
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"database": "OperationalError", "redis": "ConnectionError"}
    assert b"secret" not in answer.content


def test_migrations_that_wait_are_named(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshui.core.health.MigrationExecutor.migration_plan", lambda *_: [object(), object()])
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"]["migrations"].startswith("2 not applied")


def _metrics() -> dict[str, list[tuple[dict[str, str], float]]]:
    text = Client().get("/metrics").content.decode()
    return {
        sample.name: [(s.labels, s.value) for s in family.samples if s.name == sample.name]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_say_the_revision_and_count_requests_by_route(operator: Api) -> None:
    path = "services/shop/catalog/split/"
    labels = {"method": "GET", "route": "api/v1/services/<label:ns>/<label:name>/split/", "status": "200"}
    before = dict((tuple(ls.items()), v) for ls, v in _metrics().get("meshui_http_requests_total", []))
    operator.get(path)
    figures = _metrics()
    after = dict((tuple(ls.items()), v) for ls, v in figures["meshui_http_requests_total"])
    assert after[tuple(labels.items())] == before.get(tuple(labels.items()), 0) + 1
    done = operator.change("PUT", path, {"weights": {"v1": 50, "v2": 50}})
    figures = _metrics()
    assert figures["meshui_revision"] == [({}, done.body["revision"])]
    assert figures["meshui_outbox_resources"][0][1] > 0
    assert figures["meshui_database_up"] == [({}, 1)]


def test_strange_methods_make_no_series(db: None) -> None:
    Client().generic("BREW", "/healthz")
    methods = {labels["method"] for labels, _ in _metrics()["meshui_http_requests_total"]}
    assert "BREW" not in methods


@pytest.mark.parametrize("path", ["/", "/services/shop/catalog", "/topology?window=60s"])
def test_the_dashboards_page_is_served_for_its_paths(tmp_path: Path, settings: Settings, path: str) -> None:
    (tmp_path / "index.html").write_text("<title>meshui</title>")
    settings.FRONTEND_DIST = tmp_path
    answer = Client().get(path)
    assert (answer.status_code, answer.content) == (200, b"<title>meshui</title>")
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_dashboard_that_is_not_built_says_how(tmp_path: Path, settings: Settings) -> None:
    settings.FRONTEND_DIST = tmp_path
    answer = Client().get("/")
    assert answer.status_code == 503
    assert b"npm run build" in answer.content


def test_the_schema_is_for_who_is_signed_in(viewer: Api) -> None:
    shown = viewer.get("schema/")
    assert shown.body["openapi"].startswith("3.1")
    split = shown.body["paths"]["/api/v1/services/{ns}/{name}/split/"]
    assert {"get", "put"} <= set(split)
    assert Api().get("schema/").status == 401
    page = viewer.client.get("/api/v1/docs/", headers=viewer.headers)
    assert b"redoc" in page.content
    assert b"<script>" not in page.content
