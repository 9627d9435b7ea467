"""Join tokens: how a new proxy shows that it may speak for a service. Only their digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from meshui.catalog.models import JoinToken
from meshui.catalog.selectors import get_version, get_workload, join_tokens
from meshui.core.actors import Actor
from meshui.core.commits import commit, current_mesh
from meshui.core.errors import InvalidInput, NotAuthenticated, NotFound

PREFIX = "mjt_"
MAX_USES = 10_000
MAX_TTL_S = 30 * 86_400


def join_token_create(
    *, actor: Actor, service: str, version: str, uses: int = 1, ttl_s: int = 600, reason: str = ""
) -> tuple[JoinToken, str]:
    """The row and the token itself, which is shown once. ``service`` may be a gateway.

    Raises PermissionDenied (security.write), NotFound, InvalidInput.
    """
    namespace = service.partition("/")[0]
    actor.require("security.write", namespace)
    if not 1 <= uses <= MAX_USES:
        raise InvalidInput.field("uses", "range", f"expected 1 to {MAX_USES}")
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise InvalidInput.field("ttl_s", "range", f"expected 1 to {MAX_TTL_S} seconds")
    token = PREFIX + secrets.token_urlsafe(32)
    with commit(
        actor=actor, action="join_token.create", obj=f"service:{service}", namespace=namespace, reason=reason
    ) as change:
        row = get_workload(service)
        created = JoinToken.objects.create(
            service=row,
            version=get_version(row, version),
            digest=_digest(token),
            uses_left=uses,
            expires_at=timezone.now() + timedelta(seconds=ttl_s),
            created_by=actor.name,
        )
        change.summary = f"join token {created.pk} for {version}, {uses} uses"
        change.after = {"id": str(created.pk), "version": version, "uses": uses, "ttl_s": ttl_s}
    return created, token


def join_token_revoke(*, actor: Actor, token_id: int, reason: str = "") -> None:
    """Revoke it, once and for all. Raises PermissionDenied, NotFound."""
    row = join_tokens(actor).filter(pk=token_id).first()
    if row is None:
        raise NotFound("no such join token")
    namespace = row.service.namespace.name
    actor.require("security.write", namespace)
    with commit(
        actor=actor, action="join_token.revoke", obj=f"service:{row.service}", namespace=namespace, reason=reason
    ) as change:
        if not JoinToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=timezone.now()):
            change.unchanged()
        change.summary = f"revoked join token {token_id}"


def join_token_check(token: str) -> None:
    """Raise NotAuthenticated where nobody could join by it now."""
    if not _usable(token).exists():
        raise NotAuthenticated("the join token is not valid")


def join_token_consume(token: str) -> JoinToken:
    """Take one use of it, atomically: two proxies cannot both take the last.

    Raises NotAuthenticated, and does not say whether the token was unknown, used up, expired or revoked.
    """
    join_token_check(token)
    usable = _usable(token)
    with transaction.atomic():
        # The commit's lock comes first, here as everywhere: the caller's transaction goes on to register the proxy,
        # and would otherwise wait for a revocation that waits for this row.
        current_mesh(lock=True)
        if not usable.update(uses_left=F("uses_left") - 1):
            raise NotAuthenticated("the join token is not valid")
        return JoinToken.objects.select_related("service__namespace", "version").get(digest=_digest(token))


def _usable(token: str) -> QuerySet[JoinToken]:
    return JoinToken.objects.filter(
        digest=_digest(token), uses_left__gt=0, expires_at__gt=timezone.now(), revoked_at=None
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
