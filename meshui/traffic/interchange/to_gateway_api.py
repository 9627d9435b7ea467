"""A service's routes as the Gateway API's HTTPRoute, with a Kubernetes Service for each version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshui.mesh.names import ServiceName
from meshui.mesh.values import FieldMatch, HeaderOps, Route, RouteMatch, Timeouts
from meshui.traffic.interchange.common import Loss, metadata, to_yaml
from meshui.traffic.interchange.documents import duration_text
from meshui.traffic.interchange.values import Exported

PORT = 80
"""What a Service listens on there; the mesh's names have no port."""
_UNKNOWN_THERE = "the Gateway API has no equivalent"
_PATHS = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}


def to_gateway_api(service: ServiceName, routes: Sequence[Route], split: Mapping[str, int]) -> Exported:
    """One HTTPRoute attached to the Service, as in GAMMA; and what it cannot say."""
    loss = Loss()
    document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(service),
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": service.name, "port": PORT}],
            "rules": [_rule(route, service, split, f"routes.{i}", loss) for i, route in enumerate(routes)],
        },
    }
    loss.lost("resilience", "balancing, breakers and outlier detection have no place in it")
    if len(routes) > 1:
        loss.changed("routes", "there the most specific match wins, whatever the order")
    return Exported(text=to_yaml([document]), notes=loss.notes)


def _rule(route: Route, service: ServiceName, split: Mapping[str, int], path: str, loss: Loss) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": route.name}
    if match := _match(route.match, path, loss):
        rule["matches"] = [match]
    for name in ("limits", "fault", "direct"):
        if getattr(route, name):
            loss.lost(f"{path}.{name}", _UNKNOWN_THERE)
    filters = _filters(route, service, path, loss)
    if filters:
        rule["filters"] = filters
    if route.redirect is not None or route.direct is not None:
        return rule
    rule["backendRefs"] = [
        _backend(route, service, version, weight) for version, weight in sorted((route.weights or split).items())
    ]
    rule["timeouts"] = {"request": duration_text(route.timeouts.request_ms)}
    if route.timeouts.idle_ms != Timeouts().idle_ms:
        loss.lost(f"{path}.timeouts.idle_ms", _UNKNOWN_THERE)
    retry = route.retry
    if retry.per_try_timeout_ms:
        rule["timeouts"]["backendRequest"] = duration_text(retry.per_try_timeout_ms)
    rule["retry"] = {"attempts": retry.attempts, "backoff": duration_text(retry.backoff_ms)}
    if retry.codes:
        rule["retry"]["codes"] = list(retry.codes)
    if set(retry.on) & {"5xx", "gateway-error", "reset"}:
        loss.lost(f"{path}.retry.on", "there only status codes are named")
    if route.sticky is not None:
        if route.sticky.kind == "source":
            loss.lost(f"{path}.sticky", "there sessions are kept by cookie or header")
        else:
            rule["sessionPersistence"] = {"type": route.sticky.kind.title(), "sessionName": route.sticky.name}
    return rule


def _match(match: RouteMatch, path: str, loss: Loss) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if match.path is not None:
        if match.path.kind == "template":
            loss.lost(f"{path}.match.path", "write the template as a regex")
        else:
            said["path"] = {"type": _PATHS[match.path.kind], "value": match.path.value}
    if len(match.methods) == 1:
        said["method"] = match.methods[0]
    elif match.methods:
        loss.lost(f"{path}.match.methods", "a match there has one method; make a route for each")
    for name, fields, key in (("headers", match.headers, "headers"), ("query", match.query, "queryParams")):
        if kept := [said_of for each in fields if (said_of := _field(each))]:
            said[key] = kept
        if len(kept) < len(fields):
            loss.lost(f"{path}.match.{name}", "only exact and regex, none inverted")
    for name in ("cookies", "sources"):
        if getattr(match, name):
            loss.lost(f"{path}.match.{name}", _UNKNOWN_THERE)
    return said


def _field(match: FieldMatch) -> dict[str, str] | None:
    if match.invert or match.kind not in ("exact", "regex"):
        return None
    kind = "Exact" if match.kind == "exact" else "RegularExpression"
    return {"type": kind, "name": match.name, "value": match.value}


def _filters(route: Route, service: ServiceName, path: str, loss: Loss) -> list[dict[str, Any]]:
    filters = _header_filters(route.request_headers, route.response_headers)
    if route.redirect is not None:
        redirect = route.redirect
        if redirect.strip_query:
            loss.lost(f"{path}.redirect.strip_query", _UNKNOWN_THERE)
        said = {"scheme": redirect.scheme, "hostname": redirect.host, "port": redirect.port}
        request = {name: value for name, value in said.items() if value} | _path(redirect.path, redirect.prefix)
        filters.append({"type": "RequestRedirect", "requestRedirect": request | {"statusCode": redirect.code}})
    if route.rewrite is not None:
        rewrite = route.rewrite
        if rewrite.regex:
            loss.lost(f"{path}.rewrite.regex", _UNKNOWN_THERE)
        url = ({"hostname": rewrite.host} if rewrite.host else {}) | _path(rewrite.path, rewrite.prefix)
        if url:
            filters.append({"type": "URLRewrite", "urlRewrite": url})
    if route.mirror is not None:
        backend = {"name": f"{service.name}-{route.mirror.version}", "port": PORT}
        whole = route.mirror.percent == int(route.mirror.percent)
        share = {"percent": int(route.mirror.percent)} if whole else _fraction(route.mirror.percent)
        filters.append({"type": "RequestMirror", "requestMirror": {"backendRef": backend} | share})
    return filters


def _fraction(percent: float) -> dict[str, Any]:
    return {"fraction": {"numerator": round(percent * 1000), "denominator": 100_000}}


def _path(whole: str, prefix: str) -> dict[str, Any]:
    if whole:
        return {"path": {"type": "ReplaceFullPath", "replaceFullPath": whole}}
    return {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": prefix}} if prefix else {}


def _header_filters(request: HeaderOps | None, response: HeaderOps | None) -> list[dict[str, Any]]:
    filters = []
    for kind, key, ops in (
        ("RequestHeaderModifier", "requestHeaderModifier", request),
        ("ResponseHeaderModifier", "responseHeaderModifier", response),
    ):
        if ops is not None:
            said: dict[str, Any] = {
                part: [{"name": name, "value": value} for name, value in getattr(ops, part).items()]
                for part in ("set", "add")
                if getattr(ops, part)
            }
            filters.append({"type": kind, key: said | ({"remove": list(ops.remove)} if ops.remove else {})})
    return filters


def _backend(route: Route, service: ServiceName, version: str, weight: int) -> dict[str, Any]:
    said: dict[str, Any] = {"name": f"{service.name}-{version}", "port": PORT, "weight": weight}
    if backend := route.backends.get(version):
        said["filters"] = _header_filters(backend.request_headers, backend.response_headers)
    return said
