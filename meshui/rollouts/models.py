"""Rollouts, what happened to them, what was measured, and what is still to be told.

A rollout's row is written only through ``meshui.rollouts.ledger``, which checks the fence in every write.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from meshui.catalog.models import Service
from meshui.core.sending import Delivery


class Rollout(models.Model):
    """One move of a service from its stable version to a canary, by a plan that is frozen at its start."""

    class State(models.TextChoices):
        DRAFT = "draft"
        PROGRESSING = "progressing"
        PAUSED = "paused"
        PROMOTING = "promoting"
        ROLLING_BACK = "rolling_back"
        SUCCEEDED = "succeeded"
        ROLLED_BACK = "rolled_back"

    ACTIVE = (State.PROGRESSING, State.PAUSED, State.PROMOTING, State.ROLLING_BACK)

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="rollouts")
    stable = models.CharField(max_length=63)
    canary = models.CharField(max_length=63)
    strategy = models.CharField(max_length=16)
    plan = models.JSONField()
    """``meshui.rollouts.plan.Plan`` as JSON; fixed once the rollout has started."""
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    pause_reason = models.CharField(max_length=20, blank=True, default="")
    step_index = models.PositiveIntegerField(default=0)
    """Of the plan's steps; their number once all are done."""
    step_phase = models.CharField(max_length=16, blank=True, default="")
    attempt = models.PositiveIntegerField(default=1)
    version = models.PositiveBigIntegerField(default=1)
    """What If-Match compares: rises with each change of state, step or attempt."""

    weights = models.JSONField(null=True)
    """The split that the rollout wants now, by version; None before it starts."""
    overlay = models.JSONField(null=True)
    """``meshui.mesh.values.Overlay`` as JSON that it wants now."""
    revision = models.BigIntegerField(null=True)
    """The last revision that it committed."""
    good = models.JSONField(null=True)
    """The last traffic that all proxies took: ``{"weights", "overlay"}``."""
    forced = models.BooleanField(default=False)
    """Whether an abort goes through even where no stable instance is healthy."""

    lease_owner = models.CharField(max_length=100, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    """Rises whenever somebody takes the rollout over; every write names the one it was made under."""

    phase_since = models.DateTimeField(null=True)
    step_since = models.DateTimeField(null=True)
    paused_since = models.DateTimeField(null=True)
    next_due_at = models.DateTimeField(null=True)
    """When the current phase ends by the clock; None where it waits for something else."""
    next_tick_at = models.DateTimeField(null=True)
    """When a worker is to look at it again at the latest."""
    step_times = models.JSONField(default=dict)
    """``{"0": [started, done]}`` as ISO 8601 text; done is null for the current step."""
    webhook_tries = models.PositiveSmallIntegerField(default=0)

    evidence = models.JSONField(default=dict)
    """What the analysis has gathered, in its own form; emptied by a new attempt."""
    analysed_until = models.DateTimeField(null=True)
    verdict = models.JSONField(null=True)
    """The newest verdict, as the API shows it."""
    metrics = models.JSONField(default=list)
    """The same for each metric."""
    reason = models.CharField(max_length=500, blank=True, default="")
    """Why it is where it is, in a sentence, with numbers."""
    undo_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="undone_by")
    last_seq = models.PositiveIntegerField(default=0)
    """The number of its newest event."""
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["service"],
                name="one_active_rollout",
                condition=Q(state__in=["progressing", "paused", "promoting", "rolling_back"]),
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="rollout_active",
                condition=Q(state__in=["progressing", "paused", "promoting", "rolling_back"]),
            )
        ]

    def __str__(self) -> str:
        return f"rollout {self.pk} of {self.service}: {self.state}"

    @property
    def active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def owner(self) -> str:
        """What the service's traffic rules call it."""
        return f"rollout:{self.pk}"


class RolloutEvent(models.Model):
    """One line of a rollout's story: append-only, numbered without gaps. Written by ``ledger.record`` alone."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=32)
    """One of ``meshui.rollouts.states.Told``."""
    actor = models.CharField(max_length=200)
    step = models.PositiveIntegerField(null=True)
    detail = models.CharField(max_length=500, blank=True, default="")
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["rollout", "seq"]
        constraints = [models.UniqueConstraint(fields=["rollout", "seq"], name="one_event_seq")]

    def __str__(self) -> str:
        return f"{self.rollout_id}.{self.seq} {self.kind}"


class Measurement(models.Model):
    """One metric at one tick: what was counted since the tick before, and the evidence so far."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="measurements")
    at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=1)
    step_index = models.PositiveIntegerField()
    metric = models.CharField(max_length=63)
    canary_total = models.BigIntegerField(default=0)
    canary_bad = models.BigIntegerField(default=0)
    baseline_total = models.BigIntegerField(default=0)
    baseline_bad = models.BigIntegerField(default=0)
    log_e = models.FloatField(null=True)
    """Natural logarithm of E; None for a metric that has none."""
    limit = models.FloatField(null=True)
    """E's limit, or what a custom metric is compared with."""
    value = models.FloatField(null=True)
    """Of a custom metric."""
    verdict = models.CharField(max_length=16)
    dry_run = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["rollout", "metric", "at"], name="measurement_series")]

    def __str__(self) -> str:
        return f"{self.rollout_id} {self.metric} {self.verdict}"


class Approval(models.Model):
    """What an approver decided about one step of one attempt."""

    class Decision(models.TextChoices):
        APPROVED = "approved"
        REJECTED = "rejected"

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="approvals")
    step_index = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)
    decision = models.CharField(max_length=8, choices=Decision.choices)
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.by} {self.decision} step {self.step_index} of {self.rollout_id}"


class IdempotencyKey(models.Model):
    """What a client's key was used for: the same request again gets the same rollout, another one is refused."""

    actor = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    """SHA-256 of the request."""
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="idempotency_keys")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="one_idempotency_key")]

    def __str__(self) -> str:
        return f"{self.actor} {self.key}"


class AnalysisTemplate(models.Model):
    """Metrics that rollouts can name instead of listing them. A rollout copies them when it starts."""

    name = models.CharField(max_length=63, unique=True)
    description = models.CharField(max_length=500, blank=True, default="")
    metrics = models.JSONField(default=list)
    """As in a plan's ``analysis.metrics``."""
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Notification(Delivery):
    """Somebody to be told of an event: an outbox, filled in the transaction of the event and emptied by the sender."""

    event = models.ForeignKey(RolloutEvent, on_delete=models.CASCADE, related_name="notifications")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["event", "kind", "target"], name="one_notification")]
        indexes = [
            models.Index(fields=["next_try_at"], name="notification_due", condition=Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}: {self.state}"
