"""The mesh row, its revisions, the change log and the outbox. Written only by ``meshui.core.commits``."""

from __future__ import annotations

from django.db import models


class Mesh(models.Model):
    """The one row that orders all changes: a commit holds its lock, so commit order is revision order."""

    epoch = models.BigIntegerField()
    """Unix seconds of when this database began; renewed when it is restored, so that proxies take older revisions."""
    revision = models.BigIntegerField(default=0)
    trust_domain = models.CharField(max_length=253)
    chain = models.CharField(max_length=64, default="0" * 64)
    """The digest of the last change: the head of the hash chain (``meshui.core.chain``)."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_mesh")]

    def __str__(self) -> str:
        return f"{self.trust_domain} at {self.epoch}:{self.revision}"


class Revision(models.Model):
    """One committed change, and when it went out. Which proxies took it is computed from their acknowledgements
    (delivery), which also stamps ``applied_at`` when none is left to wait for."""

    number = models.BigIntegerField(primary_key=True)
    committed_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["number"],
                name="revision_open",
                condition=models.Q(published_at__isnull=False, applied_at__isnull=True),
            ),
            models.Index(
                fields=["number"],
                name="revision_unpublished",
                condition=models.Q(published_at__isnull=True, failed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.number)


class Change(models.Model):
    """One line of the change log: append-only, which a trigger holds the database to."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="change")
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    """``noun.verb``, such as ``split.set``."""
    object = models.CharField(max_length=200, db_index=True)
    """``kind:name``, such as ``service:shop/catalog``."""
    namespace = models.CharField(max_length=63, blank=True, default="", db_index=True)
    summary = models.CharField(max_length=400)
    reason = models.CharField(max_length=500, blank=True, default="")
    address = models.CharField(max_length=64, blank=True, default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    digest = models.CharField(max_length=64)
    """Over this line and the digest of the line before (``meshui.core.chain``)."""

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"#{self.pk} {self.actor} {self.action} {self.object}"


class Outbox(models.Model):
    """A resource that a revision made dirty; gone once delivery has dealt with it."""

    revision = models.BigIntegerField()
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}@{self.revision}"
