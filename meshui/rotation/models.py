"""Rotations of the root: one row each, which is all that they remember."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from meshui.rotation.states import OVER, STEPS, State, Step
from meshui.security.models import Authority
from meshui.security.services.incoming import Source


class Rotation(models.Model):
    """One replacement of the root by another. One is under way at most."""

    state: models.CharField[State, State] = models.CharField(max_length=16)
    """See ``states.STEPS``."""
    state_since = models.DateTimeField(default=timezone.now)
    paused = models.BooleanField(default=False)
    source: models.CharField[Source, Source] = models.CharField(max_length=16)
    """How the new root came: ``made``, ``imported`` or ``offline``."""
    old = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    new = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    bundle_revision = models.BigIntegerField(default=0)
    """The last revision by which it changed the trusted roots."""
    version = models.PositiveIntegerField(default=0)
    """Rises with each step and each decision of a person."""
    passed = models.JSONField(default=dict)
    """By proxy, who decided not to wait for it: ``actor``, ``reason``, ``at``."""
    history: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    """The states that it was in, each with ``state`` and ``at``."""
    actor = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=~models.Q(state__in=("done", "aborted")), name="one_rotation"
            )
        ]

    def __str__(self) -> str:
        return f"rotation {self.pk}: {self.state}"

    @property
    def step(self) -> Step:
        return STEPS[self.state]

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def signing(self) -> Authority:
        """The root under which leaves are signed in this state."""
        return self.new if self.step.signs == "new" else self.old

    @property
    def leaving(self) -> Authority:
        """The other one."""
        return self.old if self.step.signs == "new" else self.new
