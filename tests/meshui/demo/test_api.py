"""The knobs over REST: who may turn them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from meshui.accounts.models import RoleGrant, User
from meshui.demo import knobs

pytestmark = pytest.mark.django_db
PATH = "/api/v1/demo/shop/catalog/v2/"


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = knobs.knobs_file
    monkeypatch.setattr("meshui.demo.knobs.knobs_file", lambda _, service, version: file(tmp_path, service, version))
    return tmp_path


def client(*roles: tuple[str, str]) -> Client:
    """Signed in with roles in namespaces ("" is the whole mesh)."""
    user = User.objects.create_user("ana", password=None)
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role, namespace=namespace) for role, namespace in roles)
    made = Client()
    made.force_login(user)
    return made


def put(by: Client, body: Any, path: str = PATH) -> Any:
    return by.put(path, body, content_type="application/json")


def test_an_operator_turns_them_and_reads_them(data_dir: Path) -> None:
    operator = client(("operator", "shop"))
    assert operator.get(PATH).json() == {"error_rate": 0.0, "latency_ms": 0}
    answer = put(operator, {"error_rate": 0.05, "latency_ms": 200})
    assert (answer.status_code, answer.json()) == (200, {"error_rate": 0.05, "latency_ms": 200})
    assert operator.get(PATH).json() == {"error_rate": 0.05, "latency_ms": 200}
    written = knobs.Watched(knobs.knobs_file(data_dir, "shop/catalog", "v2")).look()
    assert written == knobs.Knobs(error_rate=0.05, latency_ms=200)
    assert put(operator, {}).json() == {"error_rate": 0.0, "latency_ms": 0}


@pytest.mark.parametrize(
    ("body", "path"),
    [({"error_rate": 1.5}, "error_rate"), ({"error_rate": "x"}, "error_rate"), ({"latency_ms": -1}, "latency_ms"),
     ({"latency_ms": 10_001}, "latency_ms"), ({"colour": 1}, "colour")],
)  # fmt: skip
def test_bad_input_names_the_field_and_changes_nothing(body: dict[str, Any], path: str) -> None:
    operator = client(("operator", ""))
    put(operator, {"error_rate": 0.5})
    answer = put(operator, body)
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert operator.get(PATH).json() == {"error_rate": 0.5, "latency_ms": 0}


def test_a_viewer_reads_only() -> None:
    viewer = client(("viewer", "shop"))
    assert viewer.get(PATH).status_code == 200
    assert put(viewer, {"error_rate": 1}).status_code == 403


def test_another_namespaces_operator_is_not_told_that_it_is_there() -> None:
    operator = client(("operator", "platform"))
    assert operator.get(PATH).status_code == 404
    assert put(operator, {"error_rate": 1}).status_code == 404


def test_nobody_is_refused() -> None:
    assert put(Client(), {"error_rate": 1}).status_code == 401


@pytest.mark.parametrize("name", ["shop/catalog/v3", "shop/nothing/v1", "platform/gateway/v1"])
def test_what_the_demo_does_not_have_is_not_found(name: str) -> None:
    assert put(client(("operator", "")), {"error_rate": 1}, f"/api/v1/demo/{name}/").status_code == 404
