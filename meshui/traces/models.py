"""Traces and their spans, written only by ``store.py``; how much is traced, written only by ``settings.py``."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Trace(models.Model):
    """What a search walks: one row for each trace, whatever its number of spans."""

    trace_id = models.CharField(primary_key=True, max_length=32)
    start = models.DateTimeField()
    """Of the earliest span that was received."""

    class Meta:
        indexes = [models.Index(fields=["start", "trace_id"])]

    def __str__(self) -> str:
        return self.trace_id


class Span(models.Model):
    """One step of a trace. It may arrive before or after the others, from whoever made it."""

    class Kind(models.IntegerChoices):
        """As OTLP numbers them."""

        INTERNAL = 1
        SERVER = 2
        CLIENT = 3
        PRODUCER = 4
        CONSUMER = 5

    trace_id = models.CharField(max_length=32)
    span_id = models.CharField(max_length=16)
    parent_id = models.CharField(max_length=16, blank=True)
    start = models.DateTimeField()
    duration_us = models.BigIntegerField()
    namespace = models.CharField(max_length=63, blank=True)
    """Of a service that the registry knew; else empty."""
    service = models.CharField(max_length=127)
    version = models.CharField(max_length=63, blank=True)
    peer = models.CharField(max_length=127, blank=True)
    """The service on the other side, where that is known."""
    name = models.CharField(max_length=200)
    kind = models.PositiveSmallIntegerField(choices=Kind)
    proxied = models.BooleanField()
    """Whether a proxy reported it, and not an app."""
    error = models.BooleanField()
    message = models.CharField(max_length=500, blank=True)
    code = models.PositiveSmallIntegerField(null=True)
    """HTTP status."""
    route = models.CharField(max_length=200, blank=True)
    attributes = models.JSONField(default=dict)
    events = models.JSONField(default=list)
    """``[microseconds after the start, name, attributes]`` each."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace_id", "span_id"], name="one_span")]
        indexes = [
            models.Index(fields=["service", "start"]),
            models.Index(fields=["start"]),
            GinIndex(name="span_attributes", fields=["attributes"], opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.trace_id}-{self.span_id}"


class TracingSetting(models.Model):
    """The one row of what people set; none where nobody did."""

    enabled = models.BooleanField()
    percent = models.FloatField()
    errors = models.BooleanField()
    link = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_tracing_setting")]

    def __str__(self) -> str:
        return f"{self.percent} %"
