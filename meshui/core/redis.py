"""Connections to Redis: bounded waits, so that a server which hangs holds nobody up for long."""

from __future__ import annotations

from functools import cache

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

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


def async_client() -> redis.asyncio.Redis:
    """A pool of its own for one event loop. Without a read timeout: blocking reads say how long they wait."""
    return redis.asyncio.Redis.from_url(
        settings.MESHUI.redis_url,
        socket_connect_timeout=TIMEOUT_S,
        retry=redis.asyncio.retry.Retry(NoBackoff(), 1),
    )
