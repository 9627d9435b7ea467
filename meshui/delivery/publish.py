"""The push: one publisher at a time takes what is dirty to Redis.

The database's session lock makes it one at a time; a holder that hangs loses its session, and with it the lock, after
STALLED_MS, and Redis then refuses its late write because ``mesh:revision`` has moved on (WATCH). What a crash leaves
half done stays in the outbox and is done again: publishing twice changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import redis
from django.db import OperationalError, connection
from django.utils import timezone

from meshui.core.models import Revision
from meshui.core.redis import client
from meshui.delivery.limits import ensure_function
from meshui.delivery.models import Published
from meshui.delivery.outbox import Batch, newest_row, read_batch, record
from meshui.delivery.redis import watch_revision
from meshui.delivery.settle import settle
from meshui.delivery.signals import LIVE_CHANNEL, live_hint
from proxies.wire import keys
from proxies.wire import resources as wire

log = logging.getLogger(__name__)

LOCK = 0x6D65736875690001
"""The advisory lock of publication, in a number space that is ours."""
STALLED_MS = 10_000
QUIET_S = 0.020
AT_MOST_S = 0.200
AT_ONCE = ("endpoints",)
"""Kinds that wait for nobody: an instance that is gone costs requests."""


def push() -> None:
    """Publish every committed revision. When another process is at it, that one sees ours before it ends: it looks
    once more after it has let go of the lock. Raises redis.RedisError; what is dirty stays so."""
    while Revision.objects.filter(published_at__isnull=True, failed_at__isnull=True).exists():
        with single_flight() as mine:
            if not mine:
                return
            _wait_for_quiet()
            try:
                _publish_pending()
            except redis.WatchError:
                log.warning("another publisher was faster; looking again")


@contextmanager
def single_flight() -> Iterator[bool]:
    """Whether this process may publish; while inside, no other may."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            yield False
            return
        cursor.execute(_SESSION_TIMEOUTS, [str(STALLED_MS)] * 2)
    try:
        yield True
    finally:
        _let_go()


_SESSION_TIMEOUTS = """SELECT set_config('idle_session_timeout', %s, false),
                              set_config('idle_in_transaction_session_timeout', %s, false)"""


def _let_go() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_SESSION_TIMEOUTS, ["0"] * 2)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    except OperationalError:
        connection.close()  # the session has ended, and the lock with it


def _wait_for_quiet() -> None:
    """Let a burst of changes become one batch."""
    deadline = time.monotonic() + AT_MOST_S
    newest = newest_row(excluding=AT_ONCE)
    while newest is not None:
        # Another machine's clock made the time, so it counts for no more than the quiet itself.
        age = (timezone.now() - newest[1]).total_seconds()
        wait = min(QUIET_S - min(max(age, 0), QUIET_S), deadline - time.monotonic())
        if wait <= 0:
            return
        time.sleep(wait)
        former, newest = newest, newest_row(excluding=AT_ONCE)
        if newest == former:
            return


def _publish_pending() -> None:
    with client().pipeline() as pipe:
        stands = watch_revision(pipe)
        batch = read_batch()
        send = {resource.key: wire.encode(resource) for resource in batch.send.values()}
        gone = {wire.resource_key(*key) for key in batch.gone}
        if stands != batch.was or any(wire.counts_globally(resource.body) for resource in batch.send.values()):
            ensure_function()
        if stands == batch.was:
            write(pipe, send, gone, batch.stamp)
        else:  # Redis lost data or holds another's: then all of it goes out, in the same step
            whole = {key: data for key, data in everything().items() if key not in gone} | send
            write(pipe, whole, unknown_keys(whole), batch.stamp)
    published_at = timezone.now()
    _hint(send, gone)
    record(batch, published_at)
    settle(batch.revisions)
    client().publish(LIVE_CHANNEL, live_hint(revisions=batch.revisions))
    _report(batch)


def write(pipe: redis.client.Pipeline, resources: Mapping[str, bytes], gone: Collection[str], stamp: str) -> None:
    """One MULTI with the resources and ``mesh:revision``, on a pipeline that watches it. Raises redis.WatchError when
    another published meanwhile."""
    pipe.multi()
    if resources:
        pipe.mset({keys.resource(key): data for key, data in resources.items()})
    if gone:
        pipe.delete(*map(keys.resource, gone))
    pipe.set(keys.REVISION, stamp)
    pipe.execute()


def unknown_keys(resources: Collection[str]) -> set[str]:
    """Resources that stand in Redis and should not."""
    standing = client().scan_iter(f"{keys.RESOURCE_PREFIX}*", count=1000)
    return {key.decode().removeprefix(keys.RESOURCE_PREFIX) for key in standing} - set(resources)


def everything() -> dict[str, bytes]:
    """All that should stand in Redis."""
    return {resource: bytes(body) for resource, body in Published.objects.values_list("resource", "body")}


def _hint(send: Mapping[str, bytes], gone: set[str]) -> None:
    """Tell the followers: the bytes themselves when they are few, else nothing, and the follower reads the key (which
    is missing where the resource is gone)."""
    pipe = client().pipeline(transaction=False)
    for key, data in send.items():
        pipe.publish(keys.hint(key), data if len(data) <= keys.HINT_INLINE_MAX else b"")
    for key in gone:
        pipe.publish(keys.hint(key), b"")
    pipe.execute()


def _report(batch: Batch) -> None:
    for number, reason in batch.failed.items():
        log.error("revision %s is not published: %s", number, reason)
    log.info("published %s: %s resources, %s gone", batch.stamp, len(batch.send), len(batch.gone))
