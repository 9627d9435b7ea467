"""Istio's VirtualService and DestinationRule (networking.istio.io), read into the mesh's values."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from meshui.mesh.names import ServiceName
from meshui.mesh.values import (
    Backend,
    Balancer,
    Breaker,
    DirectResponse,
    Fault,
    FieldMatch,
    HashOn,
    HeaderMatch,
    Mirror,
    Outlier,
    PathMatch,
    Redirect,
    Resilience,
    Retry,
    Rewrite,
    Route,
    RouteMatch,
    Timeouts,
)
from meshui.traffic.interchange.common import (
    expect_service,
    header_ops,
    label,
    percentages,
    service_of,
    unused,
    version_of,
)
from meshui.traffic.interchange.documents import Fields
from meshui.traffic.interchange.values import Imported
from proxies.wire.resilience import RetryOn

GROUP = "networking.istio.io"
_WORDS = frozenset(get_args(RetryOn))
_POLICIES = {
    "LEAST_REQUEST": "least_request",
    "LEAST_CONN": "least_request",
    "ROUND_ROBIN": "round_robin",
    "RANDOM": "random",
}


def virtual_service(document: Fields, namespace: str, found: dict[str, Imported]) -> None:
    """Add the routes of a VirtualService to what was found of the service that it routes to."""
    metadata = document.mapping("metadata")
    namespace = (metadata and metadata.text("namespace")) or namespace
    _ignore_metadata(document, metadata)
    spec = document.mapping("spec")
    if spec is None:
        raise document.wrong("spec", "required")
    hosts = spec.texts("hosts")
    spec.passed_over("exportTo")
    if set(spec.texts("gateways")) - {"mesh"}:
        spec.note("info", "gateways", "which hosts a gateway serves is set at the gateway")
    for part in ("tcp", "tls"):
        spec.lost(part, "only HTTP routes are read")
    rules = spec.mappings("http")
    service = _routed_service(spec, hosts, rules, namespace)
    entry = found.setdefault(str(service), Imported(service=str(service)))
    routes = entry.routes = entry.routes or []
    for rule in rules:
        for route in _routes(rule, service, namespace):
            routes.append(msgspec.structs.replace(route, name=unused(route.name, (each.name for each in routes))))
    named = {version for route in routes for version in route.weights or {}}
    entry.versions = sorted(named.union(entry.versions))


def _ignore_metadata(document: Fields, metadata: Fields | None) -> None:
    document.passed_over("apiVersion", "kind", "status")
    if metadata is not None:
        metadata.passed_over(*metadata.data)


def _routed_service(spec: Fields, hosts: list[str], rules: list[Fields], namespace: str) -> ServiceName:
    """Istio routes a host anywhere; here routes belong to the service that they lead to."""
    own = {service for host in hosts if (service := service_of(host, namespace))}
    destinations = {
        service_of(destination["host"], namespace)
        for rule in rules
        for target in rule.data.get("route") or []
        if isinstance(target, dict)
        and isinstance(destination := target.get("destination"), dict)
        and isinstance(destination.get("host"), str)
    }
    candidates = own & destinations or destinations or own
    if len(candidates) > 1:
        raise spec.wrong("http", "routes to several services; meshui splits between versions of one")
    return expect_service(next(iter(candidates), None), spec, "hosts")


def _routes(rule: Fields, service: ServiceName, namespace: str) -> list[Route]:
    """One route per match, because a meshui route has one; all with the same action."""
    name = label(rule.text("name") or "route")
    if rule.has("delegate"):
        rule.lost("delegate", "another document's routes; give them in its place")
        rule.passed_over(*rule.data)
        return []
    matches = [_match(match) for match in rule.mappings("match")] or [RouteMatch()]
    action = _action(rule, service, namespace)
    return [
        Route(name=name if len(matches) == 1 else f"{name[:58]}-{number}", match=match, **_fitting(action, match, rule))
        for number, match in enumerate(matches, 1)
    ]


def _fitting(action: dict[str, Any], match: RouteMatch, rule: Fields) -> dict[str, Any]:
    """Istio's ``uri`` of a rewrite replaces what a prefix matched, else the whole path."""
    prefix = match.path is not None and match.path.kind == "prefix"
    rewrite: Rewrite | None = action["rewrite"]
    if rewrite is not None and rewrite.path and prefix:
        action = {**action, "rewrite": msgspec.structs.replace(rewrite, path="", prefix=rewrite.path)}
    if action["weights"] == {}:
        rule.note("lost", "route", "it sends nothing to this service's versions")
        action = {**action, "weights": None}
    return action


def _match(match: Fields) -> RouteMatch:
    path = None
    match.passed_over("name", "statPrefix")
    if uri := match.mapping("uri"):
        kind, value = _string_match(uri)
        path = PathMatch(kind=kind, value=value)  # type: ignore[arg-type]
        if kind == "prefix" and not value.endswith("/"):
            match.note("changed", "uri.prefix", f"matches whole segments: {value} and {value}/x, not {value}x")
    if match.flag("ignoreUriCase"):
        match.lost("ignoreUriCase", "paths compare with regard to case")
    methods = []
    if method := match.mapping("method"):
        kind, value = _string_match(method)
        words = value.strip("()^$").split("|")
        if kind == "prefix" or not all(word.isalpha() and word.isupper() for word in words):
            match.lost("method", "methods are named, not matched by a pattern")
        else:
            methods = words
    sources = []
    if from_namespace := match.text("sourceNamespace"):
        sources = [f"{from_namespace}/*"]
    for part in ("sourceLabels", "gateways", "port", "scheme", "authority"):
        match.lost(part)
    return RouteMatch(
        path=path,
        methods=methods,
        headers=[
            *(_header(name, fields, invert=False) for name, fields in match.members("headers")),
            *(_header(name, fields, invert=True) for name, fields in match.members("withoutHeaders")),
        ],
        query=[_query(name, fields) for name, fields in match.members("queryParams")],
        sources=sources,
    )


def _header(name: str, fields: Fields, *, invert: bool) -> HeaderMatch:
    kind, value = _string_match(fields)
    return HeaderMatch(name=name.lower(), kind=kind, value=value, invert=invert)  # type: ignore[arg-type]


def _query(name: str, fields: Fields) -> FieldMatch:
    kind, value = _string_match(fields)
    return FieldMatch(name=name, kind=kind, value=value)  # type: ignore[arg-type]


def _string_match(fields: Fields) -> tuple[str, str]:
    for kind in ("exact", "prefix", "regex"):
        if fields.has(kind):
            return kind, fields.text(kind)
    fields.passed_over("present")
    return "present", ""


def _action(rule: Fields, service: ServiceName, namespace: str) -> dict[str, Any]:
    redirect, direct = _redirect(rule), _direct(rule)
    weights, backends = _weights(rule, service, namespace)
    headers = rule.mapping("headers")
    answered = redirect is not None or direct is not None
    rule.lost("corsPolicy", "let the application answer CORS requests")
    return {
        "weights": None if answered else weights,
        "backends": {} if answered else backends,
        "redirect": redirect,
        "direct": direct,
        "rewrite": _rewrite(rule),
        "request_headers": headers and header_ops(headers.mapping("request")),
        "response_headers": headers and header_ops(headers.mapping("response")),
        "timeouts": _timeouts(rule, answered),
        "retry": Retry() if answered else _retry(rule),
        "mirror": _mirror(rule, service, namespace),
        "fault": _fault(rule),
    }


def _weights(rule: Fields, service: ServiceName, namespace: str) -> tuple[dict[str, int] | None, dict[str, Backend]]:
    targets = rule.mappings("route")
    weights: dict[str, int] = {}
    backends: dict[str, Backend] = {}
    for target in targets:
        destination = target.mapping("destination")
        if destination is None:
            raise target.wrong("destination", "required")
        destination.passed_over("port")
        weight = target.integer("weight", 100 if len(targets) == 1 else 0)
        headers = target.mapping("headers")
        if service_of(destination.text("host"), namespace) != service:
            target.note("lost", "destination.host", f"another service than {service}: a split is between versions")
            continue
        if not destination.has("subset"):
            if len(targets) == 1:
                return None, {}
            target.note("lost", "destination", "without a subset: it would follow the service's split")
            continue
        version = version_of(destination, "subset")
        weights[version] = weights.get(version, 0) + weight
        if headers is not None:
            request, response = header_ops(headers.mapping("request")), header_ops(headers.mapping("response"))
            if request or response:
                backends[version] = Backend(request_headers=request, response_headers=response)
    if not targets:
        return None, {}
    return (percentages(weights, rule, "route") if weights else {}), backends


def _redirect(rule: Fields) -> Redirect | None:
    fields = rule.mapping("redirect")
    if fields is None:
        return None
    fields.lost("derivePort")
    return Redirect(
        code=fields.integer("redirectCode", 301),  # type: ignore[arg-type]
        scheme=fields.text("scheme"),  # type: ignore[arg-type]
        host=fields.text("authority"),
        port=fields.integer("port"),
        path=fields.text("uri"),
    )


def _direct(rule: Fields) -> DirectResponse | None:
    fields = rule.mapping("directResponse")
    if fields is None:
        return None
    body = fields.mapping("body")
    return DirectResponse(status=fields.integer("status"), body=body.text("string") if body else "")


def _rewrite(rule: Fields) -> Rewrite | None:
    fields = rule.mapping("rewrite")
    if fields is None:
        return None
    pattern = fields.mapping("uriRegexRewrite")
    return Rewrite(
        path=fields.text("uri"),
        regex=pattern.text("match") if pattern else "",
        substitution=pattern.text("rewrite") if pattern else "",
        host=fields.text("authority"),
    )


def _timeouts(rule: Fields, answered: bool) -> Timeouts:
    request_ms = rule.duration_ms("timeout")
    if request_ms:
        return Timeouts(request_ms=request_ms)
    if not answered:
        rule.note("changed", "timeout", f"none there; here it is {Timeouts().request_ms // 1000} s unless you set it")
    return Timeouts()


def _retry(rule: Fields) -> Retry:
    fields = rule.mapping("retries")
    if fields is None:
        return Retry()
    attempts = fields.integer("attempts", 2)
    conditions = [word.strip() for word in fields.text("retryOn").split(",") if word.strip()]
    on = [word for word in conditions if word in _WORDS]
    codes = [int(word) for word in conditions if word.isdigit()]
    if "retriable-4xx" in conditions:
        codes.append(409)
    known = {*on, *map(str, codes), "retriable-4xx"}
    if unknown := [word for word in conditions if word not in known]:
        fields.note("lost", "retryOn", f"{', '.join(unknown)}: of gRPC and HTTP/2, or unknown here")
    fields.passed_over("retryIgnorePreviousHosts")
    per_try = fields.duration_ms("perTryTimeout") or 0
    backoff = fields.duration_ms("backoff") or Retry().backoff_ms
    said: dict[str, Any] = {"on": on} if on or codes else {}
    return Retry(
        attempts=attempts,
        codes=codes,
        per_try_timeout_ms=per_try,
        backoff_ms=backoff,
        backoff_max_ms=backoff * 10,
        **said,
    )


def _mirror(rule: Fields, service: ServiceName, namespace: str) -> Mirror | None:
    targets = [
        (rule.mapping("mirror"), rule.mapping("mirrorPercentage")),
        *((each.mapping("destination"), each.mapping("percentage")) for each in rule.mappings("mirrors")),
    ]
    mirrors = []
    for destination, percentage in targets:
        if destination is None:
            continue
        destination.passed_over("port")
        host, percent = destination.text("host"), percentage.number("value") if percentage else None
        if service_of(host, namespace) != service or not destination.has("subset"):
            destination.note("lost", "host", "mirrors go to a version of the same service")
            continue
        version = version_of(destination, "subset")
        mirrors.append(Mirror(version=version, percent=100.0 if percent is None else percent, unsafe=True))
    if len(mirrors) > 1:
        rule.note("lost", "mirrors.1", "a route has one mirror")
    return mirrors[0] if mirrors else None


def _fault(rule: Fields) -> Fault | None:
    fields = rule.mapping("fault")
    if fields is None:
        return None
    delay, abort = fields.mapping("delay"), fields.mapping("abort")
    delay_ms = (delay and delay.duration_ms("fixedDelay")) or 0
    status = abort.integer("httpStatus") if abort else 0
    if not delay_ms and not status:
        return None
    return Fault(
        delay_ms=delay_ms,
        delay_percent=_percent(delay),
        abort_status=status,
        abort_percent=_percent(abort),
    )


def _percent(fields: Fields | None) -> float:
    if fields is None:
        return 100.0
    share = fields.mapping("percentage")
    given = share.number("value") if share else fields.number("percent")
    return 100.0 if given is None else given


# --- DestinationRule


def destination_rule(document: Fields, namespace: str, found: dict[str, Imported]) -> None:
    """Add versions and resilience of a DestinationRule to what was found of its host."""
    metadata = document.mapping("metadata")
    namespace = (metadata and metadata.text("namespace")) or namespace
    _ignore_metadata(document, metadata)
    spec = document.mapping("spec")
    if spec is None:
        raise document.wrong("spec", "required")
    spec.passed_over("exportTo")
    service = expect_service(service_of(spec.text("host"), namespace), spec, "host")
    entry = found.setdefault(str(service), Imported(service=str(service)))
    for subset in spec.mappings("subsets"):
        entry.versions = sorted({*entry.versions, version_of(subset, "name")})
        subset.passed_over("labels")
        subset.lost("trafficPolicy", "resilience belongs to the service, for all versions alike")
    spec.lost("workloadSelector")
    if policy := spec.mapping("trafficPolicy"):
        entry.resilience = _resilience(policy)


def _resilience(policy: Fields) -> Resilience:
    pool = policy.mapping("connectionPool")
    tcp = pool.mapping("tcp") if pool else None
    http = pool.mapping("http") if pool else None
    default = Breaker()
    retries = http.integer("maxRetries") if http else 0
    if http and retries:
        http.note("changed", "maxRetries", "it counts in place of the retry budget")
    if policy.has("tls"):
        policy.note("info", "tls", "the mesh decides on mTLS by itself")
    connect_ms = tcp.duration_ms("connectTimeout") if tcp else None
    said: dict[str, Any] = {"connect_timeout_ms": connect_ms} if connect_ms else {}
    if retries:
        said["retry_budget"] = None
    return Resilience(
        balancer=_balancer(policy.mapping("loadBalancer")),
        breaker=Breaker(
            connections=tcp.integer("maxConnections", default.connections) if tcp else default.connections,
            pending=http.integer("http1MaxPendingRequests", default.pending) if http else default.pending,
            requests=http.integer("http2MaxRequests", default.requests) if http else default.requests,
            retries=retries or default.retries,
        ),
        outlier=_outlier(policy.mapping("outlierDetection")),
        **said,
    )


def _balancer(fields: Fields | None) -> Balancer:
    if fields is None:
        return Balancer()
    warmup = fields.mapping("warmup")
    slow_start = (warmup.duration_ms("duration") if warmup else fields.duration_ms("warmupDurationSecs")) or 0
    hashed = fields.mapping("consistentHash")
    if hashed is None:
        simple = fields.text("simple", "LEAST_REQUEST")
        if simple not in _POLICIES:
            fields.note("lost", "simple", f"{simple} is not known here; least_request is used")
        return Balancer(policy=_POLICIES.get(simple, "least_request"), slow_start_ms=slow_start)  # type: ignore[arg-type]
    return Balancer(policy="maglev", hash=_hash(hashed), slow_start_ms=slow_start)


def _hash(hashed: Fields) -> HashOn:
    hashed.passed_over("maglev", "useSourceIp")
    for ring in ("ringHash", "minimumRingSize"):
        if hashed.has(ring):
            hashed.note("changed", ring, "Maglev hashing is used instead")
    hashed.lost("httpQueryParameterName", "hashes a header, a cookie or the source")
    if cookie := hashed.mapping("httpCookie"):
        name = cookie.text("name")
        cookie.passed_over("path")
        cookie.lost("ttl", "the cookie is read, not made")
        return HashOn(kind="cookie", name=name)
    if header := hashed.text("httpHeaderName"):
        return HashOn(kind="header", name=header)
    return HashOn()


def _outlier(fields: Fields | None) -> Outlier | None:
    """Without a word of it Istio ejects nothing."""
    if fields is None:
        return None
    default = Outlier()
    gateway = fields.integer("consecutiveGatewayErrors", 0)
    eject_ms = fields.duration_ms("baseEjectionTime") or default.eject_ms
    return Outlier(
        consecutive_5xx=fields.integer("consecutive5xxErrors", default.consecutive_5xx),
        consecutive_gateway=gateway,
        interval_ms=fields.duration_ms("interval") or default.interval_ms,
        eject_ms=eject_ms,
        eject_max_ms=max(eject_ms, default.eject_max_ms),
        max_percent=fields.integer("maxEjectionPercent", default.max_percent),
    )
