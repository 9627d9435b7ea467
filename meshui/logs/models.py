"""Lines of the access log, written only by ``store.py``; what is logged, written only by ``settings.py``."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Line(models.Model):
    """A request as one proxy saw it. The id begins with its time (``values.line_id``), so it orders lines, and one that
    arrives twice is one."""

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    """When it began."""
    duration_us = models.BigIntegerField()
    first_byte_us = models.BigIntegerField(null=True)
    namespace = models.CharField(max_length=63)
    """Of the service whose proxy tells."""
    called = models.CharField(max_length=63, blank=True)
    """The namespace of the destination; empty where that is not in the mesh."""
    proxy = models.CharField(max_length=64)
    server = models.BooleanField()
    inbound = models.BooleanField()
    """Whether the destination's proxy tells, and not the source's."""
    protocol = models.CharField(max_length=16)
    source = models.CharField(max_length=127)
    source_version = models.CharField(max_length=63, blank=True)
    destination = models.CharField(max_length=127)
    destination_version = models.CharField(max_length=63, blank=True)
    route = models.CharField(max_length=200, blank=True)
    secured = models.BooleanField()
    method = models.CharField(max_length=32, blank=True)
    host = models.CharField(max_length=255, blank=True)
    path = models.CharField(max_length=1024, blank=True)
    code = models.PositiveSmallIntegerField()
    """HTTP status; 0: no response was sent."""
    flags = models.CharField(max_length=80, blank=True)
    error = models.BooleanField()
    rule = models.CharField(max_length=200, blank=True)
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    endpoint = models.CharField(max_length=280, blank=True)
    tries = models.PositiveSmallIntegerField()
    trace_id = models.CharField(max_length=32, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    peer = models.CharField(max_length=64, blank=True)
    identity = models.CharField(max_length=300, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["source", "id"]),
            models.Index(fields=["destination", "id"]),
            models.Index(fields=["id"], name="line_error", condition=Q(error=True)),
            models.Index(fields=["trace_id"], name="line_trace", condition=~Q(trace_id="")),
            models.Index(fields=["request_id"], name="line_request", condition=~Q(request_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.path}"


class LoggingSetting(models.Model):
    """The one row of what people set; none where nobody did."""

    mode = models.CharField(max_length=8)
    percent = models.FloatField()
    collected = models.BooleanField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_logging_setting")]

    def __str__(self) -> str:
        return self.mode
