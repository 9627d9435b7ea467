"""The Gateway API's HTTPRoute (gateway.networking.k8s.io), read into the mesh's values.

Kubernetes has a Service for each version of an application, so a backend ``catalog-v2`` is the version ``v2`` of
``catalog``; a backend with the service's own name follows its split.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from meshui.mesh.names import LABEL, ServiceName
from meshui.mesh.values import (
    Backend,
    FieldMatch,
    HeaderMatch,
    HeaderOps,
    Mirror,
    PathMatch,
    Redirect,
    Retry,
    Rewrite,
    Route,
    RouteMatch,
    Sticky,
    Timeouts,
)
from meshui.traffic.interchange.common import expect_service, label, percentages, unused
from meshui.traffic.interchange.documents import Fields
from meshui.traffic.interchange.values import Imported

GROUP = "gateway.networking.k8s.io"
_VERSIONED = re.compile(r"(?P<service>.+?)-(?P<version>v\d[-a-z0-9.]*|canary|stable|blue|green)")
_PATHS = {"Exact": "exact", "PathPrefix": "prefix", "RegularExpression": "regex"}
_KINDS = {"Exact": "exact", "RegularExpression": "regex"}


def http_route(document: Fields, namespace: str, found: dict[str, Imported]) -> None:
    """Add the routes of an HTTPRoute to what was found of the service that it routes to."""
    metadata = document.mapping("metadata")
    namespace = (metadata and metadata.text("namespace")) or namespace
    document.passed_over("apiVersion", "kind", "status")
    if metadata is not None:
        metadata.passed_over(*metadata.data)
    spec = document.mapping("spec")
    if spec is None:
        raise document.wrong("spec", "required")
    rules = spec.mappings("rules")
    service = _routed_service(spec, rules, namespace)
    if spec.texts("hostnames"):
        spec.note("info", "hostnames", "which hosts a gateway serves is set at the gateway")
    entry = found.setdefault(str(service), Imported(service=str(service)))
    routes = [route for rule in rules for route in _routes(rule, service)]
    # Section "HTTPRouteRule": the most specific match wins, whatever the order; here the first does.
    ordered = sorted(routes, key=lambda route: _specificity(route.match), reverse=True)
    if ordered != routes:
        spec.note("info", "rules", "ordered by how specific they are, which there decides and here the order does")
    kept = entry.routes = entry.routes or []
    for route in ordered:
        kept.append(msgspec.structs.replace(route, name=unused(route.name, (each.name for each in kept))))
    named = {version for route in kept for version in route.weights or {}}
    entry.versions = sorted(named.union(entry.versions))


def _routed_service(spec: Fields, rules: list[Fields], namespace: str) -> ServiceName:
    references = spec.mappings("parentRefs")
    for parent in references:
        parent.passed_over("group", "port", "sectionName", "namespace")
    parents = {parent.text("name") for parent in references if parent.text("kind") == "Service"}
    backends = {
        (str(backend.get("namespace") or namespace), _split_name(str(backend.get("name")))[0])
        for rule in rules
        for backend in rule.data.get("backendRefs") or []
        if isinstance(backend, dict)
    }
    if len(parents) == 1:
        backends = {(namespace, parents.pop())}
    if len(backends) > 1:
        raise spec.wrong("rules", "routes to several services; meshui splits between versions of one")
    for place, name in backends:
        if LABEL.fullmatch(place) and LABEL.fullmatch(name):
            return ServiceName(place, name)
    return expect_service(None, spec, "parentRefs")


def _split_name(backend: str) -> tuple[str, str]:
    """``catalog-v2`` as ``("catalog", "v2")``; another name as itself, without a version."""
    found = _VERSIONED.fullmatch(backend)
    return (found["service"], found["version"]) if found else (backend, "")


def _specificity(match: RouteMatch) -> tuple[int, int, int, int, int]:
    """The order of the Gateway API: exact, then the longest prefix, a method, the most headers, the most queries. A
    pattern's place is the implementation's choice: between."""
    path = match.path
    kind = 0 if path is None else {"prefix": 1, "regex": 2, "exact": 3}[path.kind]
    return kind, len(path.value) if path else 0, len(match.methods), len(match.headers), len(match.query)


def _routes(rule: Fields, service: ServiceName) -> list[Route]:
    name = label(rule.text("name") or "route")
    matches = [_match(match) for match in rule.mappings("matches")] or [RouteMatch()]
    action = _action(rule, service)
    return [
        Route(name=name if len(matches) == 1 else f"{name[:58]}-{number}", match=match, **action)
        for number, match in enumerate(matches, 1)
    ]


def _match(match: Fields) -> RouteMatch:
    path = None
    if fields := match.mapping("path"):
        kind, value = fields.text("type", "PathPrefix"), fields.text("value", "/")
        if kind not in _PATHS:
            raise fields.wrong("type", f"{kind!r} is not {', '.join(_PATHS)}")
        if (kind, value) != ("PathPrefix", "/"):
            path = PathMatch(kind=_PATHS[kind], value=value)  # type: ignore[arg-type]
    method = match.text("method")
    return RouteMatch(
        path=path,
        methods=[method] if method else [],
        headers=[
            HeaderMatch(name=each.text("name").lower(), kind=_kind(each), value=each.text("value"))
            for each in match.mappings("headers")
        ],
        query=[
            FieldMatch(name=each.text("name"), kind=_kind(each), value=each.text("value"))
            for each in match.mappings("queryParams")
        ],
    )


def _kind(fields: Fields) -> Any:
    kind = fields.text("type", "Exact")
    if kind not in _KINDS:
        raise fields.wrong("type", f"{kind!r} is not {', '.join(_KINDS)}")
    return _KINDS[kind]


def _action(rule: Fields, service: ServiceName) -> dict[str, Any]:
    action: dict[str, Any] = {"timeouts": _timeouts(rule)}
    for part in rule.mappings("filters"):
        action |= _filter(part, service)
    if action.get("redirect") is None:
        weights, backends = _weights(rule, service)
        action |= {"weights": weights, "backends": backends, "retry": _retry(rule)}
    if persistence := rule.mapping("sessionPersistence"):
        action["sticky"] = _sticky(persistence)
    return action


def _filter(part: Fields, service: ServiceName) -> dict[str, Any]:
    match part.text("type"):
        case "RequestHeaderModifier":
            return {"request_headers": _headers(part.mapping("requestHeaderModifier"))}
        case "ResponseHeaderModifier":
            return {"response_headers": _headers(part.mapping("responseHeaderModifier"))}
        case "RequestRedirect":
            return {"redirect": _redirect(part.mapping("requestRedirect"))}
        case "URLRewrite":
            return {"rewrite": _rewrite(part.mapping("urlRewrite"))}
        case "RequestMirror":
            return {"mirror": _mirror(part.mapping("requestMirror"), service)}
        case other:
            part.note("lost", "type", f"{other} has no equivalent")
            part.passed_over(*part.data)
            return {}


def _headers(fields: Fields | None) -> HeaderOps | None:
    if fields is None:
        return None
    return HeaderOps(
        set={each.text("name").lower(): each.text("value") for each in fields.mappings("set")},
        add={each.text("name").lower(): each.text("value") for each in fields.mappings("add")},
        remove=[name.lower() for name in fields.texts("remove")],
    )


def _path(fields: Fields | None) -> dict[str, Any]:
    """A path modifier: the whole, or what the prefix matched."""
    path = fields.mapping("path") if fields else None
    if path is None:
        return {}
    path.passed_over("type")
    return {"path": path.text("replaceFullPath"), "prefix": path.text("replacePrefixMatch")}


def _redirect(fields: Fields | None) -> Redirect | None:
    if fields is None:
        return None
    return Redirect(
        code=fields.integer("statusCode", 302),  # type: ignore[arg-type]
        scheme=fields.text("scheme"),  # type: ignore[arg-type]
        host=fields.text("hostname"),
        port=fields.integer("port"),
        **_path(fields),
    )


def _rewrite(fields: Fields | None) -> Rewrite | None:
    return None if fields is None else Rewrite(host=fields.text("hostname"), **_path(fields))


def _mirror(fields: Fields | None, service: ServiceName) -> Mirror | None:
    backend = fields.mapping("backendRef") if fields else None
    if fields is None or backend is None:
        return None
    backend.passed_over("group", "kind", "port", "namespace")
    name, version = _split_name(backend.text("name"))
    if name != service.name or not version:
        backend.note("lost", "name", "mirrors go to a version of the same service")
        return None
    percent = fields.number("percent")
    if fraction := fields.mapping("fraction"):
        percent = 100 * fraction.integer("numerator") / fraction.integer("denominator", 100)
    return Mirror(version=version, percent=100.0 if percent is None else percent, unsafe=True)


def _weights(rule: Fields, service: ServiceName) -> tuple[dict[str, int] | None, dict[str, Backend]]:
    targets = rule.mappings("backendRefs")
    weights: dict[str, int] = {}
    backends: dict[str, Backend] = {}
    for target in targets:
        target.passed_over("group", "kind", "port", "namespace")
        name, version = _split_name(target.text("name"))
        weight = target.integer("weight", 1)
        if not version and len(targets) == 1:
            target.lost("filters")
            return None, {}
        if name != service.name or not version:
            target.note("lost", "name", f"no version of {service}: a split is between versions")
            continue
        weights[version] = weights.get(version, 0) + weight
        ops: dict[str, Any] = {}
        for part in target.mappings("filters"):
            ops |= {key: value for key, value in _filter(part, service).items() if key.endswith("_headers")}
        if ops:
            backends[version] = Backend(**ops)
    return (percentages(weights, rule, "backendRefs") if weights else None), backends


def _timeouts(rule: Fields) -> Timeouts:
    fields = rule.mapping("timeouts")
    request_ms = fields.duration_ms("request") if fields else None
    if fields is not None and fields.has("backendRequest"):
        fields.note("info", "backendRequest", "it is the retry's per_try_timeout_ms here")
    return Timeouts(request_ms=request_ms) if request_ms else Timeouts()


def _retry(rule: Fields) -> Retry:
    timeouts = rule.data.get("timeouts")
    per_try = 0
    if isinstance(timeouts, dict) and timeouts.get("backendRequest") and timeouts.get("request"):
        per_try = Fields(timeouts, [], rule.document).duration_ms("backendRequest") or 0
    fields = rule.mapping("retry")
    if fields is None:
        return Retry(per_try_timeout_ms=per_try)
    codes = [int(code) for code in fields.data.get("codes") or [] if isinstance(code, int)]
    fields.passed_over("codes")
    backoff = fields.duration_ms("backoff") or Retry().backoff_ms
    return Retry(
        attempts=fields.integer("attempts", 1),
        codes=codes,
        per_try_timeout_ms=per_try,
        backoff_ms=backoff,
        backoff_max_ms=backoff * 10,
    )


def _sticky(fields: Fields) -> Sticky | None:
    kind, name = fields.text("type", "Cookie").lower(), fields.text("sessionName")
    ttl_ms = fields.duration_ms("absoluteTimeout") or 0
    fields.lost("idleTimeout")
    fields.passed_over("cookieConfig")
    if not name:
        fields.note("changed", "sessionName", "the cookie is named meshui-version")
    return Sticky(kind=kind, name=name or "meshui-version", ttl_s=ttl_ms // 1000)  # type: ignore[arg-type]
