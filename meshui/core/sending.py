"""Outboxes of what people are told, emptied: each row is claimed, sent, and marked.

A claim moves the row's next try into the future, so that two senders never hold the same row; a sender that dies leaves
it to be tried again then. So a letter is sent once, and again only where it cannot be known whether it arrived;
``X-Meshui-Delivery`` is the same for each try, by which a receiver can tell. Knows nothing of what letters say.
"""

from __future__ import annotations

import logging
import smtplib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from django.core.mail import EmailMessage
from django.db import models, transaction
from django.utils import timezone

from meshui.core import outgoing

log = logging.getLogger(__name__)

AT_ONCE = 8
CLAIM = timedelta(seconds=60)
"""Longer than a try can take."""
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3600))
"""Between a try and the next; after the last one it is given up."""
AGAIN = frozenset({408, 425, 429})
"""Answers 4xx after which asking again may help."""


class Delivery(models.Model):
    """What every row of an outbox has: to whom, and how far it is."""

    class State(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"

    kind = models.CharField(max_length=16)
    """``webhook``, ``slack`` or ``email``."""
    target = models.CharField(max_length=500)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes out: ``body`` is the JSON of a webhook or of a Slack message; an e-mail has subject and text."""

    id: str
    kind: str
    target: str
    body: bytes = b""
    subject: str = ""
    text: str = ""


class Hopeless(Exception):
    """It will not arrive, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``error`` is empty where it was sent; ``final`` where it is not to be tried again."""

    error: str = ""
    final: bool = False


R = TypeVar("R", bound=Delivery)


class Outbox(Generic[R]):
    """One table of deliveries, and how its rows are written as letters."""

    def __init__(self, model: type[R], write: Callable[[R], Letter], related: Sequence[str] = ()) -> None:
        """``related`` is what ``write`` follows."""
        self._model = model
        self._write = write
        self._related = related
        self._sending = threading.Lock()

    def send_due(self) -> int:
        """Send what is due, until nothing is; how many rows were tried. One thread of a process does it at a time, so
        that receivers that hang hold up no more than that."""
        if not self._sending.acquire(blocking=False):
            return 0
        try:
            tried = 0
            while rows := self.claim():
                with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notify") as pool:
                    outcomes = list(pool.map(attempt, [self._write(row) for row in rows]))
                for row, outcome in zip(rows, outcomes, strict=True):
                    self.mark(row, outcome)
                tried += len(rows)
            return tried
        finally:
            self._sending.release()

    def claim(self) -> Sequence[R]:
        """Up to AT_ONCE rows that are due, the oldest of each target: what one receiver gets comes in its order."""
        now = timezone.now()
        rows = self._model._default_manager
        with transaction.atomic():
            due = rows.filter(state=Delivery.State.PENDING, next_try_at__lte=now)
            first = due.order_by("kind", "target", "pk").distinct("kind", "target").values("pk")
            claimed = (
                rows.select_for_update(skip_locked=True, of=("self",))
                .filter(pk__in=list(first.values_list("pk", flat=True)[:AT_ONCE]))
                .filter(state=Delivery.State.PENDING, next_try_at__lte=now)
            )
            found = list(claimed.select_related(*self._related) if self._related else claimed)
            rows.filter(pk__in=[row.pk for row in found]).update(next_try_at=now + CLAIM)
        return found

    def mark(self, row: R, outcome: Outcome) -> None:
        """Keep what became of a try."""
        row.tries += 1
        row.error = outcome.error[:500]
        if not outcome.error:
            row.state, row.sent_at = Delivery.State.SENT, timezone.now()
        elif outcome.final or row.tries > len(BACK_OFF):
            row.state = Delivery.State.FAILED
            log.warning("%s %s is given up: %s", self._model._meta.verbose_name, row.pk, row.error)
        else:
            row.next_try_at = timezone.now() + BACK_OFF[row.tries - 1]
        row.save(update_fields=["tries", "error", "state", "sent_at", "next_try_at"])


# --- one try ----------------------------------------------------------------------------------------------------


def attempt(letter: Letter) -> Outcome:
    """Send it once. Every foreign error crosses here, once."""
    try:
        if letter.kind == "email":
            headers = {"X-Meshui-Delivery": letter.id}
            EmailMessage(letter.subject, letter.text, to=[letter.target], headers=headers).send()
        else:
            _post(letter)
    except (outgoing.Refused, Hopeless) as error:
        return Outcome(str(error), final=True)
    except (outgoing.Failed, smtplib.SMTPException, OSError) as error:
        return Outcome(str(error) or type(error).__name__)
    return Outcome()


def _post(letter: Letter) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "meshui", "X-Meshui-Delivery": letter.id}
    if letter.kind == "webhook":
        headers |= outgoing.signed(letter.body, now=time.time())
    answer = outgoing.post(letter.target, letter.body, headers)
    if answer.ok:
        return
    said = f"it answered {answer.status}"
    if 400 <= answer.status < 500 and answer.status not in AGAIN:
        raise Hopeless(said)
    raise outgoing.Failed(said)


def plain(text: str) -> str:
    """Slack's three characters, escaped: nothing that people write becomes a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
