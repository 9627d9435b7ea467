"""The outbox of rollouts' notifications: what its rows say. ``core.sending`` sends them."""

from __future__ import annotations

from django.conf import settings

from meshui.core.sending import Letter, Outbox
from meshui.rollouts.models import Notification
from meshui.rollouts.notify import messages
from meshui.rollouts.notify.messages import Message


def send_due() -> int:
    """Send what is due, until nothing is; how many rows were tried."""
    return outbox.send_due()


def letter_of(row: Notification) -> Letter:
    message = _message(row)
    if row.kind == "email":
        subject, text = messages.email(message)
        return Letter(message.id, row.kind, row.target, subject=subject, text=text)
    body = messages.slack(message) if row.kind == "slack" else messages.webhook(message)
    return Letter(message.id, row.kind, row.target, body)


outbox = Outbox(Notification, letter_of, ("event__rollout__service__namespace",))


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
