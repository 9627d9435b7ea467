"""What a notification says. Pure: of an event, its rollout, and where the dashboard is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from meshui.core.sending import plain

STATES = {
    "started": "progressing",
    "paused": "paused",
    "rolling_back": "rolling_back",
    "succeeded": "succeeded",
    "rolled_back": "rolled_back",
}
"""The state that an event led to: by the time it is told, the rollout may be further."""
WORDS = {
    "started": "started",
    "paused": "paused",
    "rolling_back": "rolls back",
    "succeeded": "succeeded",
    "rolled_back": "was rolled back",
}
PAUSES = {"approval": "waits for approval", "manual": "was paused by hand"}


@dataclass(frozen=True, slots=True)
class Message:
    """``environment`` is the deployment's mode, ``url`` leads to the rollout in the dashboard. ``pause_reason`` is of a
    pause, else empty; ``reason`` says why in a sentence."""

    id: str
    environment: str
    url: str
    rollout: str
    service: str
    stable: str
    canary: str
    event: str
    seq: int
    step: int | None
    at: datetime
    actor: str
    pause_reason: str
    reason: str

    @property
    def headline(self) -> str:
        """``shop/catalog v1 -> v2 waits for approval``."""
        word = PAUSES.get(self.pause_reason) or WORDS.get(self.event, self.event)
        return f"{self.service} {self.stable} -> {self.canary} {word}"


def webhook(message: Message) -> bytes:
    """The JSON of a webhook. ``id`` is the same for each try of one notification."""
    return msgspec.json.encode(
        {
            "id": message.id,
            "environment": message.environment,
            "event": message.event,
            "seq": message.seq,
            "at": message.at,
            "actor": message.actor,
            "rollout": {
                "id": message.rollout,
                "service": message.service,
                "stable": message.stable,
                "canary": message.canary,
                "state": STATES.get(message.event, ""),
                "pause_reason": message.pause_reason,
                "step": message.step,
            },
            "text": message.headline,
            "reason": message.reason,
            "url": message.url,
        }
    )


def slack(message: Message) -> bytes:
    """The JSON of an incoming webhook, which others than Slack take too."""
    lines = [f"*{plain(message.headline)}*"]
    if message.reason:
        lines.append(plain(message.reason))
    lines.append(f"<{message.url}|Rollout {message.rollout}> by {plain(message.actor)}, {message.environment}")
    return msgspec.json.encode({"text": "\n".join(lines)})


def email(message: Message) -> tuple[str, str]:
    """Subject and text."""
    facts: dict[str, Any] = {
        "Why": message.reason or "-",
        "Step": "-" if message.step is None else message.step + 1,
        "By": message.actor,
        "At": message.at.isoformat(timespec="seconds"),
        "Environment": message.environment,
    }
    text = "\n".join(f"{name}: {said}" for name, said in facts.items())
    return f"[meshui {message.environment}] {message.headline}", f"{message.headline}\n\n{text}\n\n{message.url}\n"
