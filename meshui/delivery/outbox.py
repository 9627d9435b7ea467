"""The database's side of a publication: what a batch holds, and the record of what became of it.

A batch is read in one snapshot, so its content is that of its newest revision and of no later one. Knows nothing of
Redis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import connection, transaction
from django.db.models import Max

from meshui.core.models import Mesh, Outbox, Revision
from meshui.delivery.build import Built, build
from meshui.delivery.load import Key, load
from meshui.delivery.models import Applied, Published, RevisionResource
from proxies.wire import resources as wire


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is published of a resource: ``version`` is empty where it is gone."""

    epoch: int
    revision: int
    version: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What to publish, and what to record afterwards. ``head`` is the revision that proxies will be at;
    ``was`` the ``mesh:revision`` that should stand in Redis before."""

    mesh: Mesh
    head: int
    was: str
    rows: Sequence[Outbox]
    """Rows that this batch settles; those of failed revisions stay in the outbox, for a later change may mend them."""
    send: Mapping[Key, wire.Resource]
    gone: frozenset[Key]
    stamps: Mapping[Key, Stamp]
    failed: Mapping[int, str]
    """Revisions that must not go out, with the reason."""

    @property
    def stamp(self) -> str:
        """The ``mesh:revision`` to publish."""
        return revision_stamp(self.mesh.epoch, self.head)

    @property
    def revisions(self) -> set[int]:
        """Every revision whose state this batch changes."""
        return {row.revision for row in self.rows} | set(self.failed)


def revision_stamp(epoch: int, revision: int) -> str:
    return f"{epoch}:{revision}"


def last_published() -> int:
    """The newest revision that went out; 0 before the first."""
    newest = Revision.objects.filter(published_at__isnull=False).order_by("-number").values_list("number", flat=True)
    return newest.first() or 0


@transaction.atomic
def read_batch() -> Batch:
    """Load, compile and check what is dirty. Opens a transaction of its own: call it outside of one."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    mesh = Mesh.objects.get(pk=1)
    rows = list(Outbox.objects.all())
    dirty = {(row.kind, row.name) for row in rows}
    built = build(load(mesh, dirty), dirty)
    published = _published(dirty)
    last = last_published()
    failed = _failed(rows, built.faults)
    rows = [row for row in rows if row.revision not in failed]
    send, stamps = _stamped(mesh, rows, built, published)
    return Batch(
        mesh=mesh,
        head=max([last, *(row.revision for row in rows)]),
        was=revision_stamp(mesh.epoch, last),
        rows=rows,
        send=send,
        gone=frozenset(key for key in stamps if key in built.gone and key in published),
        stamps=stamps,
        failed=failed,
    )


def record(batch: Batch, published_at: datetime) -> None:
    """Write down what was published. Doing it twice, or not at all after a crash, is mended by the next batch."""
    with transaction.atomic():
        Published.objects.bulk_create(
            (_row(key, resource) for key, resource in batch.send.items()),
            update_conflicts=True,
            unique_fields=["resource"],
            update_fields=["epoch", "revision", "version", "body"],
        )
        if batch.gone:
            gone = [wire.resource_key(*key) for key in batch.gone]
            Published.objects.filter(resource__in=gone).delete()
            Applied.objects.filter(resource__in=gone).delete()
        RevisionResource.objects.bulk_create(_settled(batch), ignore_conflicts=True)
        Outbox.objects.filter(pk__in=[row.pk for row in batch.rows]).delete()
        for number, reason in batch.failed.items():
            Revision.objects.filter(number=number).update(failed_at=published_at, error=reason)
        # A revision without resources has nothing to wait for.
        Revision.objects.filter(
            published_at__isnull=True, failed_at__isnull=True, number__lte=batch.mesh.revision
        ).update(published_at=published_at)


def newest_row(*, excluding: Collection[str] = ()) -> tuple[int, datetime] | None:
    """Id and time of the newest outbox row that is of none of the excluded kinds."""
    found = Outbox.objects.exclude(kind__in=excluding).aggregate(id=Max("id"), at=Max("created_at"))
    return None if found["id"] is None else (found["id"], found["at"])


def _published(dirty: Collection[Key]) -> dict[Key, Stamp]:
    rows = Published.objects.filter(resource__in=[wire.resource_key(*key) for key in dirty])
    columns = rows.values_list("kind", "name", "epoch", "revision", "version")
    return {(kind, name): Stamp(epoch, revision, version) for kind, name, epoch, revision, version in columns}


def _failed(rows: Sequence[Outbox], faults: Mapping[Key, str]) -> dict[int, str]:
    """Revisions with a resource at fault, and those that share a resource with one of them: what they changed cannot
    be told apart any more."""
    held: set[Key] = set(faults)
    failed: dict[int, str] = {}
    while True:
        newly = {row.revision for row in rows if (row.kind, row.name) in held} - failed.keys()
        if not newly:
            return failed
        for number in newly:
            own = {(row.kind, row.name) for row in rows if row.revision == number}
            reasons = [fault for key, fault in sorted(faults.items()) if key in own]
            failed[number] = "; ".join(reasons or [f"held back: {fault}" for _, fault in sorted(faults.items())])
            held |= own


def _stamped(
    mesh: Mesh, rows: Sequence[Outbox], built: Built, published: Mapping[Key, Stamp]
) -> tuple[dict[Key, wire.Resource], dict[Key, Stamp]]:
    """What to send, and every dirty resource's stamp: the snapshot's revision, which is newer than that of anything
    published before. Content that is out already keeps its stamp and is not sent."""
    send: dict[Key, wire.Resource] = {}
    stamps: dict[Key, Stamp] = {}
    for key in {(row.kind, row.name): None for row in rows}:
        if key in built.gone:
            stamps[key] = Stamp(mesh.epoch, mesh.revision, "")
            continue
        resource = built.good[key]
        version = wire.content_hash(resource.body)
        out = published.get(key)
        if out is not None and (out.epoch, out.version) == (mesh.epoch, version):
            stamps[key] = out
            continue
        stamps[key] = Stamp(mesh.epoch, mesh.revision, version)
        send[key] = msgspec.structs.replace(resource, epoch=mesh.epoch, revision=mesh.revision, version=version)
    return send, stamps


def _row(key: Key, resource: wire.Resource) -> Published:
    kind, name = key
    return Published(
        resource=resource.key,
        kind=kind,
        name=name,
        epoch=resource.epoch,
        revision=resource.revision,
        version=resource.version,
        body=wire.encode(resource),
    )


def _settled(batch: Batch) -> Iterator[RevisionResource]:
    for row in batch.rows:
        stamp = batch.stamps[(row.kind, row.name)]
        yield RevisionResource(
            revision=row.revision,
            resource=wire.resource_key(row.kind, row.name),
            epoch=stamp.epoch,
            at_revision=stamp.revision,
            version=stamp.version,
        )
