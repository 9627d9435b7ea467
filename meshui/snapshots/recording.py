"""Taking a snapshot: the tables that ``tables`` names and the streams of frames, as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import JSONField
from redis import Redis

from meshui.snapshots.archive import FORMAT, Manifest, Stored, Writer
from meshui.snapshots.redact import redacted
from meshui.snapshots.tables import HIDDEN, NEWEST, SINCE, TABLES
from meshui.telemetry.frames import read_entry
from meshui.telemetry.streams import BLOCKS, INSTANCES, entries
from proxies.wire import keys
from proxies.wire.release import VERSION

STREAMS = (keys.FRAMES, BLOCKS, INSTANCES)
_PAGE = 200
_CHUNK = 2_000


def record(path: Path, *, since: datetime, taken_at: datetime) -> None:
    """Write the mesh as it is, and what was recorded of it since a time. All tables are of one moment. Raises
    SnapshotError where that is too much for one file, RedisError and DatabaseError."""
    manifest = Manifest(format=FORMAT, release=VERSION, taken_at=taken_at, since=since)
    with Writer(path, manifest) as out, Redis.from_url(settings.MESHUI.redis_url, socket_timeout=10) as client:
        for stream in STREAMS:
            out.stream(stream, _entries(client, stream, since))
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for label in TABLES:
                out.table(label, _rows(label, since))


def _rows(label: str, since: datetime) -> Iterator[dict[str, Any]]:
    model = apps.get_model(label)
    fields = [model._meta.get_field(name) for name in TABLES[label]]
    written = {field.attname for field in fields if isinstance(field, JSONField)}
    rows = model._default_manager.order_by()
    if label in SINCE:
        rows = rows.filter(**{SINCE[label]: since})
    if label in HIDDEN:
        rows = rows.exclude(object__regex=HIDDEN[label])
    if label in NEWEST:
        order, most = NEWEST[label]
        rows = rows.order_by(order)[:most]
    for row in rows.values(*(field.attname for field in fields)).iterator(_CHUNK):
        yield {
            name: redacted(value) if name in written else bytes(value) if isinstance(value, memoryview) else value
            for name, value in row.items()
        }


def _entries(client: Redis, stream: str, since: datetime) -> Iterator[Stored]:
    first = str(int(since.timestamp() * 1000))
    while page := entries(client.xrange(stream, min=first, count=_PAGE)):
        for entry_id, fields in page:
            at, data = read_entry(fields)
            yield Stored(entry_id.decode(), at, data)
        first = "(" + page[-1][0].decode()
