"""Reads of a service's traffic rules, as mesh values."""

from __future__ import annotations

import msgspec

from meshui.catalog.models import Service
from meshui.mesh import values
from meshui.traffic.models import TrafficRules


def split_of(service: Service) -> dict[str, int]:
    """Weights by version, every version of the service named."""
    return {version.name: version.weight for version in service.versions.all()}


def routes_of(service: Service) -> tuple[values.Route, ...]:
    """The ordered routes; the default one where none were set."""
    rules = rules_of(service)
    if rules is None or rules.routes is None:
        return values.DEFAULT_ROUTES
    return msgspec.convert(rules.routes, tuple[values.Route, ...])


def resilience_of(service: Service) -> values.Resilience:
    rules = rules_of(service)
    return msgspec.convert(rules.resilience if rules else {}, values.Resilience)


def rules_of(service: Service) -> TrafficRules | None:
    """The stored row, or None. Uses what ``select_related('rules')`` fetched."""
    try:
        return service.rules
    except TrafficRules.DoesNotExist:
        return None
