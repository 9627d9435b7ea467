"""What delivery asks of Redis that redis-py has no method for, or several parts of it need."""

from __future__ import annotations

from typing import Any

import redis
from redis.client import Pipeline

from meshui.core.redis import client
from proxies.wire import keys


def command(*words: str) -> Any:
    """A command that redis-py has no method for, or a poorer one."""
    return client().execute_command(*words)  # type: ignore[no-untyped-call]


def watch_revision(pipe: Pipeline) -> str:
    """What ``mesh:revision`` is (empty: nothing); the pipeline's MULTI fails when it changes from now on."""
    pipe.watch(keys.REVISION)  # type: ignore[no-untyped-call]
    return published_revision(pipe)


def published_revision(reader: redis.Redis | None = None) -> str:
    """What ``mesh:revision`` is: ``epoch:revision``, or empty."""
    value: Any = (reader or client()).get(keys.REVISION)
    return (value or b"").decode()
