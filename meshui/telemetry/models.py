"""Rollups: what frames added up to, ten seconds at a time. Written only by ``rollups.py``."""

from __future__ import annotations

from django.db import models


class Edge(models.Model):
    """The names of an edge, so that ten thousand rollups need not repeat them."""

    source = models.CharField(max_length=127)
    source_version = models.CharField(max_length=63, blank=True)
    destination = models.CharField(max_length=127)
    destination_version = models.CharField(max_length=63, blank=True)
    protocol = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_version", "destination", "destination_version", "protocol"], name="one_edge"
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
