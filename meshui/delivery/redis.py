"""Connections to Redis: bounded waits, so that a server which hangs holds nobody up for long."""

from __future__ import annotations

from functools import cache
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from proxies.wire import keys

TIMEOUT_S = 5.0


@cache
def client() -> redis.Redis:
    """The process's pool; one retry, because a pooled connection may have died with its server."""
    return redis.Redis.from_url(
        settings.MESHUI.redis_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
    )


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


def async_client() -> redis.asyncio.Redis:
    """A pool of its own for one event loop. Without a read timeout: blocking reads say how long they wait."""
    return redis.asyncio.Redis.from_url(
        settings.MESHUI.redis_url,
        socket_connect_timeout=TIMEOUT_S,
        retry=redis.asyncio.retry.Retry(NoBackoff(), 1),
    )
