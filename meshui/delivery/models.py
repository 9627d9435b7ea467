"""What was published, which revision it settles, and what each proxy made of it."""

from __future__ import annotations

from django.db import models

from meshui.catalog.models import Proxy

RESOURCE_CHARS = 220
"""A kind, a colon and the longest name."""


class Published(models.Model):
    """A resource as Redis should hold it. The database is the truth: Redis is filled again from here."""

    resource = models.CharField(max_length=RESOURCE_CHARS, primary_key=True)
    """``kind:name``."""
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=200, blank=True, default="")
    epoch = models.BigIntegerField()
    revision = models.BigIntegerField()
    version = models.CharField(max_length=16)
    body = models.BinaryField()
    """The encoded envelope, byte for byte."""

    def __str__(self) -> str:
        return f"{self.resource}@{self.revision}"


class RevisionResource(models.Model):
    """A resource that a revision changed, and the published stamp that carries the change.

    ``at_revision`` is at least ``revision`` where the change was sent, and less where it made no difference to what
    was published already. A deleted resource has no ``version`` and nobody acknowledges it.
    """

    revision = models.BigIntegerField()
    resource = models.CharField(max_length=RESOURCE_CHARS)
    epoch = models.BigIntegerField()
    at_revision = models.BigIntegerField()
    version = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "resource"], name="one_revision_resource")]
        indexes = [models.Index(fields=["resource"], name="revision_resource_name")]

    def __str__(self) -> str:
        return f"{self.revision}: {self.resource}@{self.at_revision}"


class Applied(models.Model):
    """The last content of a resource that a proxy took, and the last that it refused.

    Written in bulk by ``meshui.delivery.acks``. A refusal counts while it is newer than what the proxy took.
    """

    pk = models.CompositePrimaryKey("resource", "proxy_id")
    resource = models.CharField(max_length=RESOURCE_CHARS)
    # No constraint in the database: it would cost a look-up for each acknowledgement. Those of a proxy that is gone
    # are not written, and deleting a proxy deletes its rows.
    proxy = models.ForeignKey(
        Proxy, on_delete=models.CASCADE, related_name="applied", db_constraint=False, db_index=False
    )
    epoch = models.BigIntegerField(db_default=0)
    revision = models.BigIntegerField(db_default=0)
    version = models.CharField(max_length=16, blank=True, db_default="")
    applied_at = models.DateTimeField(null=True)
    refused_epoch = models.BigIntegerField(db_default=0)
    refused_revision = models.BigIntegerField(db_default=0)
    refused_version = models.CharField(max_length=16, blank=True, db_default="")
    refused_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, db_default="")

    class Meta:
        indexes = [models.Index(fields=["proxy"], name="applied_proxy")]

    def __str__(self) -> str:
        return f"{self.proxy_id}: {self.resource}@{self.revision}"

    @property
    def refused(self) -> bool:
        """Whether the newest answer is a refusal."""
        return (self.refused_epoch, self.refused_revision) > (self.epoch, self.revision)


class CaughtUp(models.Model):
    """Up to which published stamp a proxy is known to have taken all that it follows.

    Written by ``meshui.delivery.sync``; ``meshui.delivery.applied`` forgets it when the proxy refuses something. No row
    means that nothing is known.
    """

    # No constraint in the database, as for Applied: the proxy may go at the same moment.
    proxy = models.OneToOneField(
        Proxy, on_delete=models.CASCADE, primary_key=True, related_name="caught_up", db_constraint=False
    )
    epoch = models.BigIntegerField()
    revision = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.proxy_id}@{self.revision}"
