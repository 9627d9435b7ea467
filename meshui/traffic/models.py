"""What a team has decided about a service's traffic. The split itself is the weights of its versions (catalog)."""

from __future__ import annotations

from django.db import models

from meshui.catalog.models import Service


class TrafficRules(models.Model):
    """A service's routes, resilience and limits as JSON of ``meshui.mesh.values``; without a row, the defaults hold."""

    service = models.OneToOneField(Service, on_delete=models.CASCADE, related_name="rules")
    routes = models.JSONField(null=True)
    """Ordered list of Route; None: the default route alone."""
    resilience = models.JSONField(default=dict)
    limits = models.JSONField(default=list)
    """Ordered list of RateLimit."""
    overlay = models.JSONField(null=True)
    """What an active rollout lays over the routes (Overlay); None: nothing."""
    owner = models.CharField(max_length=40, blank=True, default="")
    """Who alone may change weights, routes and versions now, such as ``rollout:12``; empty: whoever is permitted."""
    released_at = models.DateTimeField(null=True)
    """When the last owner let go."""

    def __str__(self) -> str:
        return f"rules of {self.service}"


class GatewayHost(models.Model):
    """A host that a gateway serves and the service it leads to."""

    gateway = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="hosts")
    host = models.CharField(max_length=253)
    """A name, ``*.suffix`` or ``*``."""
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="gateway_hosts")

    class Meta:
        ordering = ["host"]
        constraints = [models.UniqueConstraint(fields=["gateway", "host"], name="one_host")]

    def __str__(self) -> str:
        return f"{self.host} -> {self.service}"
