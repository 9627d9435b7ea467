"""Idempotency keys: the same request again gets the rollout of the first, and does nothing."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from meshui.core.actors import Actor
from meshui.core.errors import Conflict
from meshui.rollouts.models import IdempotencyKey, Rollout


def used(actor: Actor, key: str, request: Any) -> Rollout | None:
    """The rollout that the key was used for; None for a new key, or none. Call it within ``ledger.writing``: two
    requests with one key come one after the other. Raises Conflict ``idempotency_mismatch``."""
    if not key:
        return None
    found = IdempotencyKey.objects.select_related("rollout__service__namespace")
    known = found.filter(actor=actor.name, key=key).first()
    if known is None:
        return None
    if known.digest != _digest(request):
        raise Conflict("this Idempotency-Key was used for another request", code="idempotency_mismatch")
    return known.rollout


def remember(actor: Actor, key: str, request: Any, row: Rollout) -> None:
    """Note what the key was used for, in the transaction that did it."""
    if key:
        IdempotencyKey.objects.create(actor=actor.name, key=key, digest=_digest(request), rollout=row)


def _digest(request: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()
