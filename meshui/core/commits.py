"""The one way to change the mesh: rows, revision, change log and outbox in one transaction, then a push.

A service opens ``commit(...)``, changes rows inside, names the resources it made dirty and what the object looked like
before and after. Nothing is pushed when the transaction does not commit; a push that is lost is made up for by the
reconciler, because the outbox row stays until it is dealt with.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import kombu.exceptions
import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.connection import Connection
from kombu.pools import producers

from meshui.core.actors import Actor
from meshui.core.chain import digest_of, line_of
from meshui.core.models import Change, Mesh, Outbox, Revision

log = logging.getLogger(__name__)

PUSH_TASK = "meshui.delivery.tasks.push"
BROKER_S = 1.0
"""How long the broker may take for a step."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a service made of an object. ``revision`` is None when nothing changed, and in a dry run."""

    value: T
    revision: int | None


class Commit:
    """What a service fills in while its transaction is open.

    ``revision`` is the number this change will have; None in a dry run and when nothing changed.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.revision: int | None = mesh.revision + 1
        self.summary = ""
        self.before: Any = None
        self.after: Any = None
        self._dirty: dict[tuple[str, str], None] = {}
        self._unchanged = False

    def dirty(self, kind: str, name: object = "") -> None:
        """Mark a wire resource (``service``, ``shop/catalog``) for publication."""
        self._dirty[(kind, str(name))] = None

    def unchanged(self) -> None:
        """Say that the object already is as asked: no revision, no log line, no push."""
        self._unchanged = True


@contextmanager
def commit(
    *, actor: Actor, action: str, obj: str, namespace: str = "", reason: str = "", dry_run: bool = False
) -> Iterator[Commit]:
    """Open the transaction of one change.

    ``action`` is ``noun.verb``, ``obj`` is ``kind:name``. The mesh row is locked first: changes run one after the
    other, and ``expected_version`` checks inside see what is committed.
    """
    with transaction.atomic():
        mesh = current_mesh(lock=True)
        change = Commit(mesh)
        yield change
        if dry_run or change._unchanged:
            change.revision = None
            if dry_run:
                transaction.set_rollback(True)
                _kept(Trial(change, action, obj, namespace))
            return
        _record(change, actor=actor, action=action, obj=obj, namespace=namespace, reason=reason)
        transaction.on_commit(push_soon)


@dataclass(frozen=True, slots=True)
class Trial:
    """A commit that was only tried, and that would have changed something."""

    change: Commit
    action: str
    object: str
    namespace: str


_trials: ContextVar[list[Trial] | None] = ContextVar("trials", default=None)


@contextmanager
def trials() -> Iterator[list[Trial]]:
    """Keep what is tried inside: what each dry run would have changed."""
    kept: list[Trial] = []
    token = _trials.set(kept)
    try:
        yield kept
    finally:
        _trials.reset(token)


def _kept(trial: Trial) -> None:
    kept = _trials.get()
    if kept is not None and not trial.change._unchanged:
        kept.append(trial)


def _record(change: Commit, *, actor: Actor, action: str, obj: str, namespace: str, reason: str) -> None:
    mesh = change.mesh
    mesh.revision += 1
    line = Change(
        revision=Revision.objects.create(number=mesh.revision),
        at=timezone.now(),
        actor=actor.name,
        action=action,
        object=obj,
        namespace=namespace,
        summary=change.summary[:400],
        reason=reason,
        address=actor.address,
        before=change.before,
        after=change.after,
    )
    line.digest = mesh.chain = digest_of(line_of(line), mesh.chain)
    line.save(force_insert=True)
    mesh.save(update_fields=["revision", "chain"])
    Outbox.objects.bulk_create(Outbox(revision=mesh.revision, kind=kind, name=name) for kind, name in change._dirty)


def push_soon() -> None:
    """Ask a worker to publish. The reconciler finds the outbox within seconds where that is lost."""
    send_soon(PUSH_TASK)


def send_soon(task: str, *args: object) -> None:
    """Enqueue a task, and wait about a second at most: who asked for a change waits for its answer. The broker may be
    down or hang, so whatever the task does is also done without it, a little later."""
    try:
        with producers[_broker()].acquire(block=True, timeout=BROKER_S) as producer:
            current_app.send_task(task, args, producer=producer, retry=False, expires=30)
    except (kombu.exceptions.KombuError, redis.RedisError) as error:
        log.warning("%s not enqueued: %s", task, error)


@cache
def _broker() -> Connection:
    """How the broker is reached for a push. Workers wait for tasks without such limits."""
    limits = {"socket_connect_timeout": BROKER_S, "socket_timeout": BROKER_S, "max_retries": 0}
    broker: Connection = current_app.connection_for_write(transport_options=limits)
    return broker


def current_mesh(*, lock: bool = False) -> Mesh:
    """The mesh row, made at first use."""
    rows = Mesh.objects.select_for_update() if lock else Mesh.objects
    mesh = rows.filter(pk=1).first()
    if mesh is None:
        Mesh.objects.get_or_create(
            pk=1,
            defaults={"epoch": int(timezone.now().timestamp()), "trust_domain": settings.MESHUI.trust_domain},
        )
        mesh = rows.get(pk=1)
    return mesh
