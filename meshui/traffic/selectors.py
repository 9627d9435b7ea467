"""Reads of a service's traffic rules, as mesh values, and of gateways."""

from __future__ import annotations

import msgspec
from django.db.models import F, Func, JSONField, Prefetch, QuerySet
from django.db.models.functions import Cast

from meshui.catalog.models import Service
from meshui.compile.overlay import names_over
from meshui.core.actors import Actor
from meshui.core.errors import NotFound
from meshui.core.versions import etag
from meshui.mesh import values
from meshui.traffic.models import GatewayHost, TrafficRules


def split_of(service: Service) -> dict[str, int]:
    """Weights by version, every version of the service named."""
    return {version.name: version.weight for version in service.versions.all()}


def routes_of(service: Service) -> tuple[values.Route, ...]:
    """The ordered routes; the default one where none were set. A TCP service has none."""
    if service.protocol == "tcp":
        return ()
    rules = rules_of(service)
    if rules is None or rules.routes is None:
        return values.DEFAULT_ROUTES
    return msgspec.convert(rules.routes, tuple[values.Route, ...])


def route_names() -> dict[str, frozenset[str]]:
    """The names of the routes of every HTTP service as callers get them, by its full name. One query."""
    names = Func(F("rules__routes"), template="jsonb_path_query_array(%(expressions)s, '$[*].name')")
    rows = Service.objects.filter(kind=Service.Kind.HTTP).values_list(
        "namespace__name", "name", Cast(names, JSONField()), "rules__overlay"
    )
    found = {}
    for namespace, service, stored, laid in rows:
        routes = [route.name for route in values.DEFAULT_ROUTES] if stored is None else stored
        overlay = None if laid is None else msgspec.convert(laid, values.Overlay)
        found[f"{namespace}/{service}"] = frozenset((*routes, *names_over(routes, overlay)))
    return found


def overlay_of(service: Service) -> values.Overlay | None:
    """What a rollout lays over the routes now."""
    rules = rules_of(service)
    return None if rules is None or rules.overlay is None else msgspec.convert(rules.overlay, values.Overlay)


def owner_of(service: Service) -> str:
    """Who alone may change weights, routes and versions now (``rollout:12``); empty: nobody has them."""
    rules = rules_of(service)
    return rules.owner if rules else ""


def named_versions(route: values.Route) -> frozenset[str]:
    """The versions that a route speaks of."""
    mirrored = () if route.mirror is None else (route.mirror.version,)
    return frozenset((*(route.weights or ()), *route.backends, *mirrored))


def limits_of(service: Service) -> tuple[values.RateLimit, ...]:
    """What the service's instances take, in the order in which the limits count."""
    rules = rules_of(service)
    return msgspec.convert(rules.limits if rules else [], tuple[values.RateLimit, ...])


def resilience_of(service: Service) -> values.Resilience:
    rules = rules_of(service)
    return msgspec.convert(rules.resilience if rules else {}, values.Resilience)


def rules_of(service: Service) -> TrafficRules | None:
    """The stored row, or None. Uses what ``select_related('rules')`` fetched."""
    try:
        return service.rules
    except TrafficRules.DoesNotExist:
        return None


# --- gateways ---------------------------------------------------------------------------------------------------


def gateways(actor: Actor, *, namespace: str = "") -> QuerySet[Service]:
    """The gateways that the actor may view, with their hosts."""
    rows = _gateways()
    visible = actor.visible_namespaces()
    if visible is not None:
        rows = rows.filter(namespace__name__in=visible)
    return rows.filter(namespace__name=namespace) if namespace else rows


def find_gateway(name: str) -> Service | None:
    namespace, _, short = name.partition("/")
    return _gateways().filter(namespace__name=namespace, name=short).first()


def get_gateway(name: str) -> Service:
    """Raises NotFound."""
    row = find_gateway(name)
    if row is None:
        raise NotFound(f"no gateway {name}")
    return row


def _gateways() -> QuerySet[Service]:
    hosts = GatewayHost.objects.select_related("service__namespace")
    rows = Service.objects.filter(kind=Service.Kind.GATEWAY).select_related("namespace")
    return rows.prefetch_related(Prefetch("hosts", queryset=hosts))


def hosts_of(gateway: Service) -> dict[str, str]:
    """Where each host leads."""
    return {host.host: str(host.service) for host in gateway.hosts.all()}


def gateway_version(gateway: Service) -> str:
    return etag(hosts_of(gateway))
