"""Snapshots: what goes in comes out, nothing secret goes in, and no file can do harm."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings
from redis import Redis

from meshui.accounts.models import ApiToken, User
from meshui.alerts.models import Receiver
from meshui.catalog.models import JoinToken, Proxy, Service, Version
from meshui.catalog.services.namespaces import namespace_create
from meshui.core.actors import system
from meshui.core.models import Change, Revision
from meshui.snapshots import archive, clock
from meshui.snapshots.archive import Manifest, Reader, SnapshotError, Stored, Writer
from meshui.snapshots.loading import load
from meshui.snapshots.readonly import CHANGES_NOTHING
from meshui.snapshots.recording import record
from meshui.snapshots.redact import GONE, redacted
from meshui.snapshots.tables import BLANK, HIDDEN, NEWEST, SINCE, TABLES
from meshui.telemetry import registry, rollups, window
from meshui.telemetry.frames import Frame, decode, entry
from meshui.telemetry.window import Tail, Window
from meshui.traffic.models import TrafficRules
from proxies.wire import keys
from tests.meshui.telemetry.fixtures import frames, valkey  # noqa: F401
from tests.meshui.telemetry.mesh import register
from tests.meshui.telemetry.test_api import client_of, fill, get

RECORDED = Path(__file__).with_name("demo.meshui")
GOLDEN = Path(__file__).with_name("demo.json")
PLANTED = "hunter2-hunter2"
PASSWORD = "correct horse battery"


@pytest.fixture
def followed(frames: Window, valkey: Redis) -> Iterator[Window]:  # noqa: F811
    """The window, read from the server once ``follow`` is called."""
    yield frames


def follow(frames: Window) -> None:  # noqa: F811
    """Have both windows of this process hold what the streams do."""
    for which, streams in ((frames, (keys.FRAMES, "mesh:blocks")), (window.instances(), ("mesh:instances", ""))):
        which.clear()
        with Redis.from_url(django_settings.MESHUI.redis_url) as client:
            Tail(which, django_settings.MESHUI.redis_url, *streams)._begin(client)


def shown(client: Client, at: float) -> dict[str, Any]:
    """What pages are made of, of one time."""
    graphs = {
        by: get(client, "graph/", window="60s", by=by, at=str(at)) | {"age_s": None} for by in ("service", "version")
    }
    lists = {path: get(client, path) for path in ("services/", "changes/", "namespaces/", "proxies/")}
    span = {"from": str(at - 60), "to": str(at), "step": "10s"}
    series = {by: get(client, "metrics/", service="shop/catalog", by=by, **span) for by in ("version", "route")}
    return {"graphs": graphs, "lists": lists, "series": series}


@pytest.mark.django_db(transaction=True)
def test_what_goes_in_comes_out(followed: Window, valkey: Redis, tmp_path: Path) -> None:  # noqa: F811
    register()
    namespace_create(actor=system("test"), name="later", reason="to see it again")
    end = int(time.time()) // 10 * 10
    fill(followed, 120, until=float(end))
    seconds = [frame for frame, _ in followed.frames(end - 120, end, blocks=False)]
    for frame in seconds:
        valkey.xadd(keys.FRAMES, entry(frame), id=f"{int(frame.at) * 1000 + 350}-0")
    for start in range(end - 120, end, 10):
        rollups.write(start, [frame for frame in seconds if start < frame.at <= start + 10])
    before = shown(client_of(), end)
    file = tmp_path / "mesh.meshui"
    record(file, since=datetime.fromtimestamp(end - 100, UTC), taken_at=datetime.fromtimestamp(end, UTC))
    assert file.stat().st_mode & 0o777 == 0o600

    call_command("flush", interactive=False)
    valkey.flushdb()
    load(Reader(file), PASSWORD)
    registry.services.clear()
    registry.instances.clear()
    follow(followed)
    viewer = Client()
    viewer.force_login(User.objects.get(username="viewer"))
    after = shown(viewer, end)
    for part in before:
        for name in before[part]:
            assert json.dumps(after[part][name]) == json.dumps(before[part][name]), (part, name)
    assert followed.oldest == end - 101, "what is older than asked for is left out"
    assert User.objects.count() == 1 and viewer.get("/api/v1/users/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_recorded_telemetry_in_golden_graph_out(
    followed: Window,
    valkey: Redis,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A minute of the demo as its proxies told it; ``demo.json`` is what the graph made of it. To renew both: record
    one by ``manage.py snapshot --since 70s``, remove the other, and look at what this test writes."""
    call_command("flush", interactive=False)
    reader = Reader(RECORDED)
    load(reader, PASSWORD)
    taken_at = reader.manifest.taken_at.timestamp()
    monkeypatch.setattr(time, "time", lambda: taken_at)
    follow(followed)
    end = followed.newest
    assert end is not None
    client = Client()
    client.force_login(User.objects.get(username="viewer"))
    found = {
        by: {
            name: value
            for name, value in get(client, "graph/", window="60s", by=by, at=str(end)).items()
            if name in ("nodes", "edges", "summary", "covered_s", "as_of_unix")
        }
        for by in ("service", "version", "instance")
    }
    if not GOLDEN.exists():
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(GOLDEN.read_text())


@pytest.mark.django_db(transaction=True)
def test_nothing_secret_goes_in(valkey: Redis, tmp_path: Path) -> None:  # noqa: F811
    register()
    service, version = Service.objects.get(name="catalog"), Version.objects.get(name="v2")
    routes = [{"name": "default", "headers": {"request": {"set": [{"name": "Authorization", "value": PLANTED}]}}}]
    TrafficRules.objects.create(service=service, routes=routes)
    Proxy.objects.update(redis_password_sha256=PLANTED, load={"token": PLANTED})
    user = User.objects.create(username=PLANTED, password=PLANTED)
    later = datetime.fromtimestamp(time.time() + 600, UTC)
    ApiToken.objects.create(user=user, name=PLANTED, digest=PLANTED, expires_at=later)
    JoinToken.objects.create(
        service=service, version=version, digest=PLANTED, uses_left=1, expires_at=later, created_by=PLANTED
    )
    Receiver.objects.create(kind="webhook", target=f"https://hooks/{PLANTED}", severity="page", created_by=PLANTED)
    namespace_create(actor=system("test"), name="later")
    hook = {"kind": "slack", "url": f"https://user:{PLANTED}@hooks.example/services/{PLANTED}"}
    Change.objects.create(
        revision=Revision.objects.create(number=10**6),
        at=later,
        actor="test",
        action="hook.set",
        object="service:shop/catalog",
        summary="set a hook",
        before={"webhooks": [hook], "secret": {"deep": [PLANTED]}},
        after=[hook],
    )
    file = tmp_path / "mesh.meshui"
    record(file, since=datetime.fromtimestamp(0, UTC), taken_at=later)
    with zipfile.ZipFile(file) as opened:
        texts = {name: opened.read(name) for name in opened.namelist()}
    assert [name for name, text in texts.items() if PLANTED.encode() in text] == []
    for secret in (django_settings.MESHUI.ca_key, django_settings.MESHUI.report_key):
        assert all(secret not in text for text in texts.values())
    assert b"https://hooks.example" in texts["tables/core.Change.jsonl"]


def test_every_field_that_is_taken_exists_and_none_is_a_secrets() -> None:
    forbidden = ("sealed_key", "password", "redis_password_sha256", "jwks", "keys", "target", "body", "csr")
    for label, names in TABLES.items():
        known = {field.name: field for field in apps.get_model(label)._meta.local_concrete_fields}
        assert set(names) <= set(known), label
        assert not set(names) & set(forbidden), label
        left = set(known) - set(names) - set(BLANK.get(label, {}))
        assert [name for name in left if not known[name].has_default() and not known[name].empty_strings_allowed
                and not known[name].null] == [], f"{label}: what is left out needs a default"  # fmt: skip
    assert set(SINCE) | set(NEWEST) | set(HIDDEN) | set(BLANK) <= set(TABLES)
    people = {"accounts", "taps", "logs", "traces"}
    assert not [label for label in TABLES if label.partition(".")[0] in people]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"name": "default", "weight": 3}, {"name": "default", "weight": 3}),
        ({"Authorization": "Bearer x"}, {"Authorization": GONE}),
        ({"name": "x-api-key", "value": "x"}, {"name": "x-api-key", "value": GONE}),
        ({"name": "x-canary", "value": "yes"}, {"name": "x-canary", "value": "yes"}),
        ({"client_secret": {"a": ["x", 1, None]}}, {"client_secret": {"a": [GONE, 1, None]}}),
        (["see https://a:b@h.example:8443/p?q=1 now"], ["see https://h.example:8443 now"]),
        ("redis://default:pw@10.0.0.1:6379/0", "redis://10.0.0.1:6379"),
        (None, None),
    ],
)
def test_what_is_taken_out(value: Any, expected: Any) -> None:
    assert redacted(value) == expected


# --- the file ---------------------------------------------------------------------------------------------------

MANIFEST = Manifest(
    format=archive.FORMAT, release="1", taken_at=datetime.fromtimestamp(60, UTC), since=datetime.fromtimestamp(0, UTC)
)


def written(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in entries.items():
            out.writestr(name.replace("__", "/"), data)
    return path


def manifest(**changes: Any) -> bytes:
    return json.dumps({"format": 1, "release": "1", "taken_at": "2026-01-01T00:00:00Z",
                       "since": "2026-01-01T00:00:00Z"} | changes).encode()  # fmt: skip


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mesh.meshui"
    with Writer(file, MANIFEST) as out:
        out.stream("s", [Stored("1-0", 1.0, b"x")])
    kept = file.read_bytes()
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(SnapshotError, match="--since"), Writer(file, MANIFEST) as out:
        out.table("core.Change", ({"id": number, "summary": "x" * 50} for number in range(100)))
    assert (file.read_bytes(), [path.name for path in tmp_path.iterdir()]) == (kept, ["mesh.meshui"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "manifest.json"),
        ({"manifest.json": b"{"}, "manifest"),
        ({"manifest.json": manifest(format=2)}, "format 2"),
        ({"manifest.json": b"x" * 2_000_000}, "unpacks to more"),
    ],
)
def test_what_is_no_snapshot_is_refused(
    tmp_path: Path, data: dict[str, bytes], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1_000_000)
    with pytest.raises(SnapshotError, match=reason):
        Reader(written(tmp_path / "x", **data))


def test_a_bomb_is_read_no_further_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1_000_000)
    lines = b'{"id": 1}\n' * 5_000_000
    bomb = {"manifest.json": manifest(), "tables/core.Change.jsonl": lines, "streams/s.msgpack": bytes(50_000_000)}
    file = written(tmp_path / "x", **bomb)
    assert file.stat().st_size < 500_000
    with pytest.raises(SnapshotError, match="unpacks to more"):
        for _ in Reader(file).table("core.Change"):
            pass
    with pytest.raises(SnapshotError, match="unpacks to more"):
        Reader(file).stream("s")


def test_damage_and_doubles_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "x", **{"manifest.json": manifest(), "streams/s.msgpack": b"\xc1"})
    with pytest.raises(SnapshotError, match="unreadable"):
        Reader(file).stream("s")
    (tmp_path / "cut").write_bytes(file.read_bytes()[:-40])
    with pytest.raises(SnapshotError):
        Reader(tmp_path / "cut")
    with pytest.raises(SnapshotError):
        Reader(tmp_path / "nothing")
    with pytest.warns(UserWarning), zipfile.ZipFile(file, "a") as again:
        again.writestr("manifest.json", manifest())
    with pytest.raises(SnapshotError, match="twice"):
        Reader(file)


@pytest.mark.django_db(transaction=True)
def test_a_file_cannot_bring_users_or_what_is_no_frame(valkey: Redis, tmp_path: Path) -> None:  # noqa: F811
    user = {"id": 7, "username": "mallory", "password": "x", "is_superuser": True}
    spaces = {"id": 1, "name": "shop", "description": "", "created_at": "2026-01-01T00:00:00Z", "unheard_of": 1}
    rows = {
        "manifest.json": manifest(),
        "tables/accounts.User.jsonl": json.dumps(user).encode(),
        "tables/catalog.Namespace.jsonl": json.dumps(spaces).encode(),
        "../../escape": b"x",
    }
    load(Reader(written(tmp_path / "x", **rows)), PASSWORD)
    assert list(User.objects.values_list("username", "is_superuser")) == [("viewer", False)]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    call_command("flush", interactive=False)
    for broken in (
        {"tables/catalog.Namespace.jsonl": b'{"id": "many"}'},
        {"tables/catalog.Service.jsonl": b'{"id": 1, "namespace_id": 99, "name": "x"}'},
        {"tables/catalog.Namespace.jsonl": b"[1]"},
    ):
        with pytest.raises(SnapshotError):
            load(Reader(written(tmp_path / "y", **{"manifest.json": manifest()} | broken)), PASSWORD)
        assert not User.objects.exists()
    with pytest.raises(CommandError, match="overwrite"):
        call_command("load_snapshot", tmp_path / "x")


# --- shown ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_write_is_refused_with_a_typed_error(settings: Settings) -> None:
    spec = json.loads((django_settings.BASE_DIR / "frontend" / "openapi.json").read_text())
    settings.MESHUI = replace(settings.MESHUI, snapshot_at=1.7e9)
    client = client_of("admin")
    tried = 0
    for path, operations in spec["paths"].items():
        concrete = path.replace("{", "").replace("}", "")
        for method in {"post", "put", "patch", "delete"} & operations.keys():
            if concrete in CHANGES_NOTHING:
                continue
            response = getattr(client, method)(concrete, data={}, content_type="application/json")
            assert (response.status_code, response.json()["code"]) == (403, "read_only"), (method, path)
            tried += 1
    assert tried > 40
    assert client.post("/v1/traces", data=b"", content_type="application/json").json()["code"] == "read_only"
    info = get(client, "info/")
    assert info["snapshot"]["taken_at"] == "2023-11-14T22:13:20Z"


@pytest.mark.django_db
def test_no_snapshot_no_gate() -> None:
    assert get(client_of(), "info/")["snapshot"] is None
    assert Client().post("/api/v1/auth/logout/").json().get("code") != "read_only"
    assert Client().get("/snapshot.js").status_code == 404


@pytest.mark.django_db
def test_the_page_sets_its_clock_before_all_else(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    page = HttpResponse(b"<html><head><script src=app.js></script></head></html>")
    monkeypatch.setattr("meshui.core.dashboard.index", lambda request, path: page)
    assert b"snapshot.js" not in Client().get("/topology").content
    settings.MESHUI = replace(settings.MESHUI, snapshot_at=1.7e9)
    assert b'<head><script src="/snapshot.js"></script><script src=app.js>' in Client().get("/topology").content
    assert b"1700000000000" in Client().get("/snapshot.js").content


def test_the_browsers_clock_begins_at_the_snapshot() -> None:
    assert "shift = 1700000000500 - Real.now()" in clock.script(1.7e9 + 0.5)


def test_frames_are_what_the_release_writes() -> None:
    """So that the recorded file stays readable."""
    stored = Reader(RECORDED).stream(keys.FRAMES)
    assert len(stored) > 50 and all(isinstance(decode(each.data), Frame) for each in stored)
