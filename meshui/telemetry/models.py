"""Rollups: what frames added up to, ten seconds at a time. Written only by ``rollups.py``."""

from __future__ import annotations

from django.db import models

from meshui.catalog.models import Service


class Edge(models.Model):
    """The names of an edge, so that ten thousand rollups need not repeat them."""

    source = models.CharField(max_length=127)
    source_version = models.CharField(max_length=63, blank=True)
    destination = models.CharField(max_length=127)
    destination_version = models.CharField(max_length=63, blank=True)
    protocol = models.CharField(max_length=16)
    route = models.CharField(max_length=63, blank=True, default="")
    instance = models.CharField(max_length=64, blank=True, default="")
    """The proxy whose own account this is, of all that it received (``source`` is empty); empty in all others."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "source",
                    "source_version",
                    "destination",
                    "destination_version",
                    "protocol",
                    "route",
                    "instance",
                ],
                name="one_edge",
            )
        ]
        indexes = [models.Index(fields=["destination"])]

    def __str__(self) -> str:
        return f"{self.source}@{self.source_version} -> {self.destination}@{self.destination_version}"


class Bucket(models.Model):
    """Ten seconds that were observed, with traffic or without: what tells zero from unknown."""

    at = models.DateTimeField(primary_key=True)
    """Its start."""
    seconds = models.PositiveSmallIntegerField()
    """Frames in it; fewer than ten where the collector was away for longer than the streams reach."""
    reports = models.BigIntegerField()
    refused = models.BigIntegerField()
    dropped = models.BigIntegerField()
    """Seconds that proxies lost to back-pressure."""

    def __str__(self) -> str:
        return self.at.isoformat()


class Rollup(models.Model):
    """One edge in one bucket."""

    at = models.DateTimeField(db_index=True)
    edge = models.ForeignKey(Edge, on_delete=models.CASCADE, related_name="rollups", db_index=False)
    counts = models.BinaryField()
    """The columns of a frame (``frames.COLUMNS``) as little-endian 64-bit integers."""
    histogram = models.BinaryField()
    """Buckets, then as many counts, as little-endian 32-bit integers."""
    flags = models.JSONField(default=dict)
    """Requests by response flags."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "at"], name="one_rollup")]

    def __str__(self) -> str:
        return f"edge {self.edge_id} at {self.at.isoformat()}"


class CoarseBucket(models.Model):
    """Five minutes or an hour of which something was observed (``levels``)."""

    span_s = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    """Its start."""
    seconds = models.PositiveSmallIntegerField()
    """How much of it was observed."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["span_s", "at"], name="one_coarse_bucket")]

    def __str__(self) -> str:
        return f"{self.span_s} s from {self.at.isoformat()}"


class CoarseRollup(models.Model):
    """One edge in one coarse bucket; the columns are those of a ``Rollup``."""

    span_s = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    edge = models.ForeignKey(Edge, on_delete=models.CASCADE, related_name="coarse_rollups", db_index=False)
    counts = models.BinaryField()
    histogram = models.BinaryField()
    flags = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "span_s", "at"], name="one_coarse_rollup")]
        indexes = [models.Index(fields=["span_s", "at"], name="coarse_rollup_at")]

    def __str__(self) -> str:
        return f"edge {self.edge_id} for {self.span_s} s from {self.at.isoformat()}"


class PolicyRollup(models.Model):
    """What one access policy decided for a service in one bucket; ``policy`` is empty where the default did, or
    several allow policies did not match."""

    at = models.DateTimeField(db_index=True)
    service = models.CharField(max_length=127)
    policy = models.CharField(max_length=63, blank=True)
    allowed = models.BigIntegerField()
    denied = models.BigIntegerField()
    shadow_denied = models.BigIntegerField()
    shadow_allowed = models.BigIntegerField()
    failed = models.BigIntegerField(default=0)
    """External checks that had no answer."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "at", "policy"], name="one_policy_rollup"),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.policy} at {self.at.isoformat()}"


class LimitRollup(models.Model):
    """What one rate limit let pass and turned away in one bucket; ``route`` is empty for what the service receives."""

    at = models.DateTimeField(db_index=True)
    service = models.CharField(max_length=127)
    route = models.CharField(max_length=63, blank=True)
    limit = models.CharField(max_length=63)
    allowed = models.BigIntegerField()
    limited = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "at", "route", "limit"], name="one_limit_rollup"),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.route} {self.limit} at {self.at.isoformat()}"


class InstanceLoad(models.Model):
    """How loaded the instances of one version were in ten seconds. Written only by ``saturation.py``."""

    at = models.DateTimeField(db_index=True)
    """Its start."""
    service = models.CharField(max_length=127)
    version = models.CharField(max_length=63)
    loads = models.JSONField()
    """By proxy's id: ``cpu_percent`` (of a core, or null), ``rss_bytes``, ``connections``, ``active_requests``."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "at", "version"], name="one_instance_load")]

    def __str__(self) -> str:
        return f"{self.service}@{self.version} at {self.at.isoformat()}"


class Objective(models.Model):
    """What a service promises of the requests it answers; a part that is null is not promised."""

    service = models.OneToOneField(Service, on_delete=models.CASCADE, related_name="objective", primary_key=True)
    availability = models.FloatField(null=True)
    """Percent of requests without an error."""
    latency_percent = models.FloatField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    """``latency_percent`` of requests are answered within so many milliseconds."""

    def __str__(self) -> str:
        return f"objective of {self.service}"
