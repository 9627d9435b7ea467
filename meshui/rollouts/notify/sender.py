"""The outbox of notifications, emptied: each row is claimed, sent, and marked.

A claim moves the row's next try into the future, so that two senders never hold the same row; a sender that dies leaves
it to be tried again then. So a notification is sent once, and again only where it cannot be known whether it arrived;
``X-Meshui-Delivery`` is the same for each try, by which a receiver can tell.
"""

from __future__ import annotations

import logging
import smtplib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from meshui.core import outgoing
from meshui.rollouts.models import Notification
from meshui.rollouts.notify import messages
from meshui.rollouts.notify.messages import Message

log = logging.getLogger(__name__)

AT_ONCE = 8
CLAIM = timedelta(seconds=60)
"""Longer than a try can take."""
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3600))
"""Between a try and the next; after the last one it is given up."""
AGAIN = frozenset({408, 425, 429})
"""Answers 4xx after which asking again may help."""

_sending = threading.Lock()


class Hopeless(Exception):
    """It will not arrive, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``error`` is empty where it was sent; ``final`` where it is not to be tried again."""

    error: str = ""
    final: bool = False


def send_due() -> int:
    """Send what is due, until nothing is; how many rows were tried. One thread of a process does it at a time, so that
    receivers that hang hold up no more than that."""
    if not _sending.acquire(blocking=False):
        return 0
    try:
        tried = 0
        while rows := _claim():
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notify") as pool:
                outcomes = list(pool.map(_try, [(row.kind, row.target, _message(row)) for row in rows]))
            for row, outcome in zip(rows, outcomes, strict=True):
                _mark(row, outcome)
            tried += len(rows)
        return tried
    finally:
        _sending.release()


def _claim() -> Sequence[Notification]:
    """Up to AT_ONCE rows that are due, the oldest of each target: what one receiver gets comes in its order."""
    now = timezone.now()
    with transaction.atomic():
        due = Notification.objects.filter(state=Notification.State.PENDING, next_try_at__lte=now)
        first = due.order_by("kind", "target", "pk").distinct("kind", "target").values("pk")
        rows = list(
            Notification.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(pk__in=list(first.values_list("pk", flat=True)[:AT_ONCE]))
            .filter(state=Notification.State.PENDING, next_try_at__lte=now)
            .select_related("event__rollout__service__namespace")
        )
        Notification.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=now + CLAIM)
    return rows


def _message(row: Notification) -> Message:
    event = row.event
    rollout = event.rollout
    return Message(
        id=str(row.pk),
        environment=settings.MESHUI.mode,
        url=f"{settings.MESHUI.public_url}/rollouts/{rollout.pk}",
        rollout=str(rollout.pk),
        service=str(rollout.service),
        stable=rollout.stable,
        canary=rollout.canary,
        event=event.kind,
        seq=event.seq,
        step=event.step,
        at=event.at,
        actor=event.actor,
        pause_reason=str(event.data.get("reason", "")) if event.kind == "paused" else "",
        reason=event.detail,
    )


def _mark(row: Notification, outcome: Outcome) -> None:
    row.tries += 1
    row.error = outcome.error[:500]
    if not outcome.error:
        row.state, row.sent_at = Notification.State.SENT, timezone.now()
    elif outcome.final or row.tries > len(BACK_OFF):
        row.state = Notification.State.FAILED
        log.warning("notification %s of rollout %s is given up: %s", row.pk, row.event.rollout_id, row.error)
    else:
        row.next_try_at = timezone.now() + BACK_OFF[row.tries - 1]
    row.save(update_fields=["tries", "error", "state", "sent_at", "next_try_at"])


# --- one try ----------------------------------------------------------------------------------------------------


def _try(work: tuple[str, str, Message]) -> Outcome:
    """Every foreign error crosses here, once."""
    kind, target, message = work
    try:
        if kind == "email":
            _mail(target, message)
        else:
            _post(kind, target, message)
    except (outgoing.Refused, Hopeless) as error:
        return Outcome(str(error), final=True)
    except (outgoing.Failed, smtplib.SMTPException, OSError) as error:
        return Outcome(str(error) or type(error).__name__)
    return Outcome()


def _mail(target: str, message: Message) -> None:
    subject, text = messages.email(message)
    EmailMessage(subject, text, to=[target], headers={"X-Meshui-Delivery": message.id}).send()


def _post(kind: str, target: str, message: Message) -> None:
    body = messages.slack(message) if kind == "slack" else messages.webhook(message)
    headers = {"Content-Type": "application/json", "User-Agent": "meshui", "X-Meshui-Delivery": message.id}
    if kind == "webhook":
        headers |= outgoing.signed(body, now=time.time())
    answer = outgoing.post(target, body, headers)
    if answer.ok:
        return
    said = f"it answered {answer.status}"
    if 400 <= answer.status < 500 and answer.status not in AGAIN:
        raise Hopeless(said)
    raise outgoing.Failed(said)
