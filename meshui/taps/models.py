"""Taps, those that are over too: who tapped what, and when. Written only by ``services.py``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from django.db import models
from django.utils import timezone

GRACE = timedelta(seconds=20)
"""How long a tap lives that nobody watches."""

State = Literal["active", "stopped", "expired", "unwatched"]


class Tap(models.Model):
    """Nobody writes down that it ended, except who stopped it: the other ends are times that have passed."""

    namespace = models.CharField(max_length=63, blank=True)
    """Of the destination; empty where that may be any, or is outside the mesh."""
    source = models.CharField(max_length=127, blank=True)
    destination = models.CharField(max_length=127, blank=True)
    side = models.CharField(max_length=11)
    filters = models.JSONField()
    """``values.Filters``."""
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    until = models.DateTimeField()
    watched_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes = [models.Index(fields=["until"])]

    def __str__(self) -> str:
        return f"{self.source or '*'}->{self.destination or '*'}"

    @property
    def service(self) -> str:
        """Whose proxies copy."""
        return self.source if self.side == "source" else self.destination

    @property
    def end(self) -> tuple[State, datetime]:
        """How it ends, or ended, and when, as things are."""
        ends: list[tuple[State, datetime]] = [("expired", self.until), ("unwatched", self.watched_at + GRACE)]
        if self.stopped_at is not None:
            ends.append(("stopped", self.stopped_at))
        return min(ends, key=lambda end: end[1])

    @property
    def state(self) -> State:
        state, at = self.end
        return state if at <= timezone.now() else "active"
