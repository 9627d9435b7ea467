"""The authority's certificates with their sealed keys, and a record of every certificate that it signed."""

from __future__ import annotations

from django.db import models


class Authority(models.Model):
    """A signing certificate. One root and one intermediate are active; those they replaced stay to verify with."""

    class Kind(models.TextChoices):
        ROOT = "root"
        INTERMEDIATE = "intermediate"

    class State(models.TextChoices):
        ACTIVE = "active"
        RETIRED = "retired"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    fingerprint = models.CharField(max_length=64, unique=True)
    """SHA-256 of the certificate, hex."""
    certificate = models.TextField()
    """PEM."""
    sealed_key = models.BinaryField()
    """See ``meshui.security.seal``."""
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=models.Q(state="active"), name="one_active_authority")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint[:16]}"


class IssuedCertificate(models.Model):
    """A leaf that was signed, for whom and at whose request."""

    serial = models.CharField(max_length=40, unique=True)
    """Hex."""
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="issued")
    identity = models.CharField(max_length=512)
    proxy_id = models.CharField(max_length=40, db_index=True)
    """Not a foreign key: the record outlives the proxy."""
    actor = models.CharField(max_length=200)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField(db_index=True)
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.serial} for {self.proxy_id}"
