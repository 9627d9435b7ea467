"""What exists in the mesh and where it runs."""

from __future__ import annotations

from typing import Any, Literal

from django.db import models
from django.utils import timezone

from meshui.mesh.names import ServiceName
from proxies.wire.resources import Protocol


class Namespace(models.Model):
    name = models.CharField(max_length=63, unique=True)
    description = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """Something called by name, over HTTP or as plain TCP connections. A gateway is one too: it has an identity and
    proxies, but nobody calls it."""

    class Kind(models.TextChoices):
        HTTP = "http"
        TCP = "tcp"
        GATEWAY = "gateway"

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=63)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.HTTP)
    port = models.PositiveIntegerField(null=True)
    """Where apps that connect to a TCP service's name connect to; None for the other kinds."""
    description = models.CharField(max_length=500, blank=True, default="")
    health_check = models.JSONField(null=True)
    """``meshui.catalog.checks.Check`` as JSON, for instances that have none of their own; None: heartbeats alone."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    revision = models.BigIntegerField(default=0)
    """The last revision that changed the service, its split or its routes."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="one_service")]

    def __str__(self) -> str:
        return str(self.full_name)

    @property
    def full_name(self) -> ServiceName:
        return ServiceName(self.namespace.name, self.name)

    @property
    def protocol(self) -> Protocol:
        return "tcp" if self.kind == self.Kind.TCP else "http"


CALLED = (Service.Kind.HTTP, Service.Kind.TCP)
"""The kinds of service that others call."""


class Version(models.Model):
    """A deployed version (subset) and its weight in the service's split; the weights of a service sum to 100."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="versions")
    name = models.CharField(max_length=63)
    weight = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["service", "name"], name="one_version")]

    def __str__(self) -> str:
        return self.name


class Proxy(models.Model):
    """A sidecar or gateway that joined, or what a node proxy is to one of its services. Its private key never comes
    here; of its Redis password only the SHA-256."""

    id = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=100)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="proxies")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="proxies")
    listeners = models.JSONField(default=list)
    """``proxies.wire.resources.Listener`` as JSON, as the proxy said when it joined."""
    admin = models.CharField(max_length=100, blank=True, default="")
    locality = models.CharField(max_length=255, blank=True, default="")
    """Where it runs, as ``proxies.wire.base.Locality``; empty: not known."""
    node = models.BooleanField(default=False)
    """Whether its process serves other services too."""
    redis_password_sha256 = models.CharField(max_length=64)
    proxy_version = models.CharField(max_length=32, blank=True, default="")
    joined_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(null=True)
    certificate_not_after = models.DateTimeField(null=True)
    """Of the certificate that it joined with, then of the one that it reports to use."""
    load = models.JSONField(default=dict)
    """The latest gauges: ``rps, connections, rss_bytes, cpu_percent``."""

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["service", "name"], name="one_proxy_name")]

    def __str__(self) -> str:
        return self.id

    @property
    def kind(self) -> Literal["sidecar", "gateway", "node"]:
        if self.service.kind == Service.Kind.GATEWAY:
            return "gateway"
        return "node" if self.node else "sidecar"

    def listener(self, kind: str) -> dict[str, Any] | None:
        return next((listener for listener in self.listeners if listener.get("kind") == kind), None)


class Instance(models.Model):
    """A running copy of a version: where other proxies reach it. Behind a sidecar, that is its inbound listener."""

    class Status(models.TextChoices):
        PASSING = "passing"
        CRITICAL = "critical"

    id = models.CharField(max_length=64, primary_key=True)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="instances")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="instances")
    proxy = models.OneToOneField(Proxy, on_delete=models.CASCADE, null=True, related_name="instance")
    """Whose reports are its heartbeat; None where the instance sends its own."""
    address = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    weight = models.PositiveSmallIntegerField(default=100)
    """Among the instances of its version, 1 to 1000."""
    locality = models.CharField(max_length=255, blank=True, default="")
    """Where it runs, as ``proxies.wire.base.Locality``; empty: not known."""
    metadata = models.JSONField(default=dict)
    """Text by text: what its owner wants to find it by. Proxies do not get it."""
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PASSING)
    """Passing while it beats and no check says otherwise; kept so by ``services.verdicts`` alone."""
    critical_since = models.DateTimeField(null=True)
    draining = models.BooleanField(default=False)
    """Whether it is to get no new requests."""
    ttl_s = models.PositiveIntegerField(default=15)
    """Seconds without a heartbeat after which it is critical."""
    beating = models.BooleanField(default=True)
    """Whether its last heartbeat came in time."""
    health_check = models.JSONField(null=True)
    """In place of its service's."""
    check_passing = models.BooleanField(null=True)
    """The verdict of its HTTP or TCP check; None before the first."""
    check_output = models.CharField(max_length=200, blank=True, default="")
    """What the probe saw that led to the verdict."""
    check_at = models.DateTimeField(null=True)
    registered_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["service", "address", "port"], name="one_instance_address")]

    def __str__(self) -> str:
        return f"{self.id} at {self.address}:{self.port}"


class JoinToken(models.Model):
    """Lets a proxy of one service and version join, a few times, for some minutes. Stored as SHA-256."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="join_tokens")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="join_tokens")
    digest = models.CharField(max_length=64, unique=True)
    uses_left = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"token {self.pk} for {self.service}"
