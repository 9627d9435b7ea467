"""Alerts, silences, receivers, and the outbox of what receivers are told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from meshui.core.sending import Delivery


class Alert(models.Model):
    """Something that is wrong, from when it was first seen until it was gone for a while."""

    rule = models.CharField(max_length=32)
    object = models.CharField(max_length=300)
    """``kind:name``, such as ``edge:shop/a->shop/b``: what it is about. One alert is open for a rule and an object."""
    severity = models.CharField(max_length=8)
    namespace = models.CharField(max_length=63, blank=True, default="")
    service = models.CharField(max_length=127, blank=True, default="")
    title = models.CharField(max_length=300)
    detail = models.CharField(max_length=500, blank=True, default="")
    path = models.CharField(max_length=500)
    """Where the dashboard shows it."""
    since = models.DateTimeField()
    fires_at = models.DateTimeField()
    """What does not last until then was none."""
    seen_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "object"], name="one_open_alert", condition=Q(resolved_at__isnull=True)
            )
        ]
        indexes = [models.Index(fields=["resolved_at"], name="alert_resolved")]

    def __str__(self) -> str:
        return f"{self.rule} {self.object}"


class Silence(models.Model):
    """Alerts that match are shown and not told, until a time. An empty field matches all."""

    rule = models.CharField(max_length=32, blank=True, default="")
    object = models.CharField(max_length=300, blank=True, default="")
    namespace = models.CharField(max_length=63, blank=True, default="")
    until = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True, default="")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.rule} {self.object} {self.namespace} until {self.until.isoformat()}"


class Receiver(models.Model):
    """Who is told of every alert of a severity or a worse one."""

    kind = models.CharField(max_length=16)
    target = models.CharField(max_length=500)
    severity = models.CharField(max_length=8)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "target"], name="one_receiver")]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


class Notice(Delivery):
    """What a receiver is told of a group of alerts: those that began and those that are over."""

    group = models.CharField(max_length=127)
    alerts = models.JSONField()
    """As ``messages.Line`` has them."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["next_try_at"], name="notice_due", condition=Q(state="pending"))]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}: {self.group}"
