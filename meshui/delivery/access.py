"""What a proxy's Redis user may do: read what concerns it, hear of it, report. One ACL user for each proxy.

The users live in Redis and are made again from the registry when they are gone, and when another release made them:
the seal of the rules that this release grants lies beside them.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable

import redis
from django.db.models import F, Value
from django.db.models.functions import Concat

from meshui.catalog.models import Proxy
from meshui.core.redis import client
from meshui.delivery.redis import command
from proxies.wire import keys

log = logging.getLogger(__name__)

PREFIX = "px-"
"""How a proxy's id, which is also its user's name, begins: other users of the server are none of our business."""
SEAL = "mesh:acl"
"""The key of the seal; no proxy may name it."""
COMMANDS = (
    *("+get", "+mget", "+subscribe", "+unsubscribe", "+psubscribe", "+punsubscribe", "+xadd"),
    *("+hello", "+auth", "+ping", "+quit", "+client|setname", "+client|setinfo", "+client|id"),
)
COUNTING = ("+fcall", "+get", "+set", "+time")
"""What the function that counts against shared limits takes (``limits.lua``)."""
_SAFE = re.compile(r"[A-Za-z0-9._/-]+")
"""An ACL pattern is a glob; names of services and proxies hold none of its special characters."""


def rules(proxy_id: str, service: str, password_sha256: str) -> list[str]:
    """The whole of a user's ACL rules; ``password_sha256`` is hex."""
    for name in (proxy_id, service):
        if not _SAFE.fullmatch(name):
            raise ValueError(f"{name!r} cannot stand in an ACL pattern")
    counted = (f"%RW~{keys.CALLED_LIMITS}*", f"%RW~{keys.RECEIVED_LIMITS}{service}:*")
    followed = ["service:*", "endpoints:*", "trust", "directory", f"inbound:{service}", f"proxy:{proxy_id}"]
    return [
        *("reset", "on", f"#{password_sha256}"),
        *(f"%R~{keys.resource(key)}" for key in followed),
        f"%R~{keys.REVISION}",
        f"%W~{keys.ACK}",
        f"%W~{keys.telemetry(proxy_id)}",
        *(f"&{keys.hint(key)}" for key in followed),
        f"&{keys.tap(service)}",
        *COMMANDS,
        # What the function itself calls is its caller's to be allowed. So this is a selector of its own: here alone may
        # a proxy write anything, and here it could count as it likes anyway.
        f"({' '.join((*counted, *COUNTING))})",
    ]


def seal() -> str:
    """A hash of what this release grants to whom; another one when ``rules`` says something else."""
    return hashlib.sha256("\n".join(rules("proxy", "service", "password")).encode()).hexdigest()[:16]


def grant(proxy_id: str, service: str, password_sha256: str) -> None:
    """Make or renew the user of a proxy."""
    command("ACL SETUSER", proxy_id, *rules(proxy_id, service, password_sha256))
    _save()


def revoke(proxy_ids: Iterable[str]) -> None:
    """Delete the users of proxies. Redis closes their connections in the same step."""
    users = list(proxy_ids)
    if users:
        command("ACL DELUSER", *users)
        _save()


def sync_users() -> int:
    """Make users that are missing, all of them where other rules were granted, and delete those of proxies that are
    gone. How many were mended."""
    standing = {name for name in command("ACL USERS") if name.startswith(PREFIX)}
    full_name = Concat(F("service__namespace__name"), Value("/"), F("service__name"))
    proxies = {
        proxy_id: (service, digest)
        for proxy_id, service, digest in Proxy.objects.values_list("pk", full_name, "redis_password_sha256")
    }
    revoke(standing - proxies.keys())
    sealed = client().get(SEAL) == seal().encode()
    outdated = proxies.keys() - standing if sealed else proxies.keys()
    if outdated:
        pipe = client().pipeline(transaction=False)
        for proxy_id in outdated:
            pipe.execute_command(  # type: ignore[no-untyped-call]
                "ACL SETUSER", proxy_id, *rules(proxy_id, *proxies[proxy_id])
            )
        pipe.execute()
        _save()
    if not sealed:
        client().set(SEAL, seal())
    return len(standing - proxies.keys()) + len(outdated)


def _save() -> None:
    """Where the server keeps its users in a file, keep them over its restart."""
    try:
        command("ACL SAVE")
    except redis.ResponseError as error:
        if "not configured to use an ACL file" not in str(error):
            raise
