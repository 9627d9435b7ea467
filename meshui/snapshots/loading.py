"""Opening a snapshot: its tables into an empty database, its streams into an empty server, and somebody to look at it.

Only tables and fields that ``tables`` names are taken, whatever the file holds; fields that this release does not have
are left out, those that it has more get their default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction
from django.db.models import Field, Model
from redis import Redis

from meshui.accounts.models import RoleGrant, User
from meshui.snapshots.archive import VIEWER, Reader, SnapshotError
from meshui.snapshots.recording import STREAMS
from meshui.snapshots.tables import BLANK, TABLES
from meshui.telemetry.frames import FrameError, decode


def load(reader: Reader, password: str) -> None:
    """Fill the database and the server, and let ``viewer`` look at it. Raises SnapshotError, having changed nothing in
    the database."""
    try:
        with transaction.atomic(), connection.wrap_database_errors:
            for label in TABLES:
                _fill(apps.get_model(label), label, reader)
            user = User.objects.create_user(VIEWER, password=password)
            RoleGrant.objects.create(user=user, role=RoleGrant.Role.VIEWER)
    except (DatabaseError, ValidationError, ValueError, TypeError) as error:
        raise SnapshotError(f"the tables do not fit together: {error}") from error
    with Redis.from_url(settings.MESHUI.redis_url, socket_timeout=10) as client:
        for stream in STREAMS:
            _append(client, stream, reader)


def _fill(model: type[Model], label: str, reader: Reader) -> None:
    fields: list[Any] = list(model._meta.local_concrete_fields)
    taken = {field.attname for field in fields if field.name in TABLES[label]}
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    model._default_manager.all().delete()  # what a migration put there
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in reader.table(label):
                copy.write_row([_value(field, row, taken, BLANK.get(label, {})) for field in fields])
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def _value(field: Field[Any, Any], row: dict[str, Any], taken: set[str], blank: Any) -> Any:
    if field.attname in taken and field.attname in row:
        value = field.to_python(row[field.attname])
    else:
        value = blank[field.name] if field.name in blank else field.get_default()
    return field.get_db_prep_save(value, connection)


def _append(client: Redis, stream: str, reader: Reader) -> None:
    """Every entry is decoded first: what is no frame ends the loading, not the dashboard."""
    with client.pipeline(transaction=False) as pipe:
        for stored in _checked(stream, reader):
            pipe.xadd(stream, {b"at": repr(stored.at).encode(), b"f": stored.data}, id=stored.id)
        pipe.execute()


def _checked(stream: str, reader: Reader) -> Iterator[Any]:
    for stored in reader.stream(stream):
        try:
            decode(stored.data)
        except FrameError as error:
            raise SnapshotError(f"an entry of {stream} is no frame: {error}") from error
        yield stored
