"""Celery's entries: thin, idempotent, without state. What one does not finish, the next does."""

from __future__ import annotations

import logging

import redis
from celery import shared_task

from meshui.delivery import publish, services, settle
from meshui.delivery.reconcile import reconcile as make_redis_match

log = logging.getLogger(__name__)


@shared_task(name="meshui.delivery.tasks.push", ignore_result=True)  # type: ignore[untyped-decorator]
def push() -> None:
    try:
        publish.push()
    except redis.RedisError as error:
        log.warning("push failed, the reconciler tries again: %s", error)


@shared_task(name="meshui.delivery.tasks.reconcile", ignore_result=True)  # type: ignore[untyped-decorator]
def reconcile() -> None:
    try:
        make_redis_match()
    except redis.RedisError as error:
        log.warning("reconcile failed, the next one tries again: %s", error)


@shared_task(name="meshui.delivery.tasks.forget_old_revisions", ignore_result=True)  # type: ignore[untyped-decorator]
def forget_old_revisions() -> None:
    settle.forget_old()


@shared_task(name="meshui.delivery.tasks.prune_trust", ignore_result=True)  # type: ignore[untyped-decorator]
def prune_trust() -> None:
    services.trust_prune()
