"""A publisher that hangs, as a process that really does: nobody waits for it, and what it writes late is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import redis
from django.conf import settings
from django.db import connection

from meshui.config.environment import ROOT
from meshui.core.models import Revision
from meshui.delivery.publish import push
from proxies.wire import keys
from tests.meshui.delivery.test_publish import hints, read
from tests.meshui.delivery.world import World, weights
from tests.support.poll import until

# It has read its batch and holds the lock when it stops.
PUBLISHER = """
import os, signal, django
django.setup()
from meshui.delivery import publish
publish.STALLED_MS = 1000
read_batch = publish.read_batch
def read_and_stop():
    batch = read_batch()
    publish.read_batch = read_batch
    os.kill(os.getpid(), signal.SIGSTOP)
    return batch
publish.read_batch = read_and_stop
publish.push()
"""


def hanging_publisher() -> subprocess.Popen[bytes]:
    url, _, _ = settings.MESHUI.database_url.rpartition("/")
    database = f"{url}/{connection.settings_dict['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER], env={**os.environ, "DATABASE_URL": database}, cwd=ROOT
    )
    try:
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, "it stopped")
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def test_a_stopped_publisher_holds_nobody_up_and_overwrites_nothing(world: World, store: redis.Redis) -> None:
    push()
    world.set_split({"v1": 60, "v2": 40})
    process = hanging_publisher()
    try:
        newest = world.set_split({"v1": 5, "v2": 95})
        push()
        assert weights(read(store, "service:shop/catalog")) == {"v1": 100, "v2": 0}, "the stopped one has the lock"

        def published() -> bool:
            push()
            return not Revision.objects.filter(published_at__isnull=True).exists()

        until(published, "another published when the lock was taken from it")
        before = {key: store.get(key) for key in store.keys("mesh:re*")}
        with hints(store) as heard:
            process.send_signal(signal.SIGCONT)
            assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    assert heard == []
    assert {key: store.get(key) for key in store.keys("mesh:re*")} == before
    resource = read(store, "service:shop/catalog")
    assert (resource.revision, weights(resource)) == (newest, {"v1": 5, "v2": 95})
    assert (store.get(keys.REVISION) or b"").endswith(f":{newest}".encode())
