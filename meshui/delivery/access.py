"""What a proxy's Redis user may do: read what concerns it, hear of it, report. One ACL user for each proxy.

The users live in Redis and are made again from the registry when they are gone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import redis
from django.db.models import F, Value
from django.db.models.functions import Concat

from meshui.catalog.models import Proxy
from meshui.delivery.redis import client, command
from proxies.wire import keys

log = logging.getLogger(__name__)

PREFIX = "px-"
"""How a proxy's id, which is also its user's name, begins: other users of the server are none of our business."""
COMMANDS = (
    *("+get", "+mget", "+subscribe", "+unsubscribe", "+psubscribe", "+punsubscribe", "+xadd"),
    *("+hello", "+auth", "+ping", "+quit", "+client|setname", "+client|setinfo", "+client|id"),
)
_SAFE = re.compile(r"[A-Za-z0-9._/-]+")
"""An ACL pattern is a glob; names of services and proxies hold none of its special characters."""


def rules(proxy_id: str, service: str, password_sha256: str) -> list[str]:
    """The whole of a user's ACL rules; ``password_sha256`` is hex."""
    for name in (proxy_id, service):
        if not _SAFE.fullmatch(name):
            raise ValueError(f"{name!r} cannot stand in an ACL pattern")
    followed = ["service:*", "endpoints:*", "trust", "directory", f"inbound:{service}", f"proxy:{proxy_id}"]
    return [
        *("reset", "on", f"#{password_sha256}"),
        *(f"%R~{keys.resource(key)}" for key in followed),
        f"%R~{keys.REVISION}",
        f"%W~{keys.ACK}",
        f"%W~{keys.telemetry(proxy_id)}",
        *(f"&{keys.hint(key)}" for key in followed),
        *COMMANDS,
    ]


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
    """Make users that are missing, delete those of proxies that are gone. How many were mended."""
    standing = {name for name in command("ACL USERS") if name.startswith(PREFIX)}
    full_name = Concat(F("service__namespace__name"), Value("/"), F("service__name"))
    proxies = {
        proxy_id: (service, digest)
        for proxy_id, service, digest in Proxy.objects.values_list("pk", full_name, "redis_password_sha256")
    }
    revoke(standing - proxies.keys())
    missing = proxies.keys() - standing
    if missing:
        pipe = client().pipeline(transaction=False)
        for proxy_id in missing:
            pipe.execute_command(  # type: ignore[no-untyped-call]
                "ACL SETUSER", proxy_id, *rules(proxy_id, *proxies[proxy_id])
            )
        pipe.execute()
        _save()
    return len(standing - proxies.keys()) + len(missing)


def _save() -> None:
    """Where the server keeps its users in a file, keep them over its restart."""
    try:
        command("ACL SAVE")
    except redis.ResponseError as error:
        if "not configured to use an ACL file" not in str(error):
            raise
