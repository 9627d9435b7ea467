"""Whether a set of resources makes sense together: what a standalone proxy asks of its file before serving it.

A proxy that follows a control plane does not ask this: there resources arrive one by one and the control plane has
checked them together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxies.core.inbound import inbound_flaws
from proxies.core.routes import route_flaws
from proxies.core.tcp import protocol_flaws
from proxies.wire.resources import (
    EndpointsResource,
    GatewayListener,
    InboundListener,
    InboundResource,
    ProxyResource,
    Resource,
    ResourceError,
    ServiceBody,
    ServiceResource,
    TcpListener,
)
from proxies.wire.routing import RateLimit, WeightedVersion


def check(resources: Sequence[Resource]) -> None:
    """Raises ResourceError with the path of the first field that is wrong."""
    services: dict[str, ServiceBody] = {}
    hosts: dict[str, str] = {}
    keys: set[str] = set()
    proxies = [r for r in resources if isinstance(r, ProxyResource)]
    if len(proxies) != 1:
        raise ResourceError(f"resources: holds {len(proxies)} proxy resources, needs exactly one")
    for index, resource in enumerate(resources):
        at = f"resources[{index}]"
        if resource.key in keys:
            raise ResourceError(f"{at}.name: {resource.key} is there twice")
        keys.add(resource.key)
        if isinstance(resource, ServiceResource):
            services[resource.name] = resource.body
            _check_service(f"{at}.body", resource.body)
            for i, host in enumerate(resource.body.hosts):
                if hosts.setdefault(host, resource.name) != resource.name:
                    raise ResourceError(f"{at}.body.hosts[{i}]: {host!r} is also a host of {hosts[host]}")
    for index, resource in enumerate(resources):
        at = f"resources[{index}].body"
        if isinstance(resource, EndpointsResource):
            _check_endpoints(at, resource, services)
        elif isinstance(resource, InboundResource):
            for flaw in inbound_flaws(resource.body):
                raise ResourceError(f"{at}.{_indexed(flaw.path)}: {flaw.reason}")
            _check_limits(f"{at}.limits", resource.body.limits)
        elif isinstance(resource, ProxyResource):
            _check_listeners(at, resource, services)


def _check_service(at: str, body: ServiceBody) -> None:
    for flaw in protocol_flaws(body):
        raise ResourceError(f"{at}.{_indexed(flaw.path)}: {flaw.reason}")
    _check_split(f"{at}.split", body.split, body)
    for index, route in enumerate(body.routes):
        for flaw in route_flaws(route):
            raise ResourceError(f"{at}.routes[{index}].{_indexed(flaw.path)}: {flaw.reason}")
        _check_limits(f"{at}.routes[{index}].limits", route.limits)
        if route.mirror is not None and route.mirror.version not in body.versions:
            version = route.mirror.version
            raise ResourceError(f"{at}.routes[{index}].mirror.version: {version!r} is no version of the service")
        if route.split is not None:
            _check_split(f"{at}.routes[{index}].split", route.split, body)


def _check_limits(at: str, limits: list[RateLimit]) -> None:
    for index, limit in enumerate(limits):
        if limit.scope == "global":
            raise ResourceError(f"{at}[{index}].scope: global limits take a control plane")


def _indexed(path: str) -> str:
    """``headers.0.value`` as ``headers[0].value``, like the paths of the codec."""
    return re.sub(r"\.(\d+)", r"[\1]", path)


def _check_split(at: str, split: list[WeightedVersion], body: ServiceBody) -> None:
    for index, item in enumerate(split):
        if item.version not in body.versions:
            raise ResourceError(f"{at}[{index}].version: {item.version!r} is no version of the service")
    if not any(item.weight for item in split):
        raise ResourceError(f"{at}: the weights sum to 0")


def _check_endpoints(at: str, resource: EndpointsResource, services: dict[str, ServiceBody]) -> None:
    service = services.get(resource.name)
    for index, endpoint in enumerate(resource.body.endpoints):
        if service is not None and endpoint.version not in service.versions:
            raise ResourceError(f"{at}.endpoints[{index}].version: {endpoint.version!r} is no version of the service")
        if endpoint.tls and service is not None and not service.identity:
            raise ResourceError(f"{at}.endpoints[{index}].tls: the service has no identity to expect")


def _check_listeners(at: str, resource: ProxyResource, services: dict[str, ServiceBody]) -> None:
    taken: set[tuple[str, int]] = set()
    for index, listener in enumerate(resource.body.listeners):
        place = (listener.address, listener.port)
        if place in taken:
            raise ResourceError(f"{at}.listeners[{index}].port: another listener has this address and port")
        taken.add(place)
        if isinstance(listener, InboundListener) and listener.service != resource.body.service:
            raise ResourceError(f"{at}.listeners[{index}].service: is not the proxy's own service")
        if isinstance(listener, GatewayListener):
            for i, entry in enumerate(listener.hosts):
                if entry.service not in services:
                    raise ResourceError(f"{at}.listeners[{index}].hosts[{i}].service: {entry.service!r} is not there")
                if services[entry.service].protocol != "http":
                    raise ResourceError(f"{at}.listeners[{index}].hosts[{i}].service: speaks no http")
        if isinstance(listener, TcpListener):
            if listener.service not in services:
                raise ResourceError(f"{at}.listeners[{index}].service: {listener.service!r} is not there")
            if services[listener.service].protocol != "tcp":
                raise ResourceError(f"{at}.listeners[{index}].service: is no tcp service")
