"""Where writes take two people, and what has been proposed."""

from __future__ import annotations

from django.db import models


class ReviewRule(models.Model):
    """Changes of security in ``namespace`` take a second person; empty: in every namespace and for the mesh."""

    namespace = models.CharField(max_length=63, unique=True, blank=True, default="")

    def __str__(self) -> str:
        return f"two people in {self.namespace or 'the mesh'}"


class Proposal(models.Model):
    """One write as its author would have made it. It is tried when it is proposed, which is where ``action``,
    ``object``, ``namespace``, ``summary``, ``before`` and ``after`` come from, and made when somebody else approves."""

    class State(models.TextChoices):
        OPEN = "open"
        APPLIED = "applied"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=500, blank=True, default="")

    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    """Below ``/api/v1/``."""
    body = models.JSONField(null=True)
    if_match = models.CharField(max_length=200, blank=True, default="")
    """The version that it changes; what has changed since is not overwritten."""

    action = models.CharField(max_length=64)
    object = models.CharField(max_length=200)
    namespace = models.CharField(max_length=63, blank=True, default="", db_index=True)
    summary = models.CharField(max_length=400)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    decided_by = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True, default="")
    revision = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], name="proposal_open", condition=models.Q(state="open"))]

    def __str__(self) -> str:
        return f"#{self.pk} {self.author}: {self.summary}"
