"""Login throttling: failures counted by account and by address, in the shared cache, so that a restart forgets none.

After ``LIMIT`` failures the next attempts are refused unread until a pause has passed; each further failure doubles
the pause. An address may fail oftener than an account, because many people may share it. Where the cache is away,
nobody signs in by password: guessing freely would be worse.
"""

from __future__ import annotations

import hashlib
import time

from django.core.cache import cache

from meshui.core.errors import Throttled

ACCOUNT_LIMIT = 5
ADDRESS_LIMIT = 30
MEMORY_S = 3600
"""How long failures are remembered after the last one."""
FIRST_PAUSE_S = 30
LONGEST_PAUSE_S = 900


def check(username: str, address: str) -> None:
    """Raise Throttled, with the seconds to wait, while either is locked."""
    locks = cache.get_many([_lock(key) for key, _ in _counted(username, address)])
    wait = max((int(until - time.time()) + 1 for until in locks.values()), default=0)
    if wait > 0:
        raise Throttled(f"too many failed attempts, try again in {wait} s", retry_after=wait)


def failed(username: str, address: str) -> None:
    """Count one failure of both."""
    for key, limit in _counted(username, address):
        cache.add(key, 0, MEMORY_S)
        count = cache.incr(key)
        cache.touch(key, MEMORY_S)
        if count >= limit:
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(count - limit, 10))
            cache.set(_lock(key), time.time() + pause, pause)


def succeeded(username: str) -> None:
    """Forget the account's failures. The address keeps its own: one good password does not excuse the guessing."""
    key = _key("account", username)
    cache.delete_many([key, _lock(key)])


def _counted(username: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    return (_key("account", username), ACCOUNT_LIMIT), (_key("address", address), ADDRESS_LIMIT)


def _key(kind: str, name: str) -> str:
    # Hashed: a name may be long, or hold what a cache key may not.
    return f"login:{kind}:{hashlib.sha256(name.casefold().encode()).hexdigest()[:32]}"


def _lock(key: str) -> str:
    return f"{key}:lock"
