"""A service's traffic rules as Istio's VirtualService and DestinationRule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshui.mesh.names import ServiceName
from meshui.mesh.values import FieldMatch, Resilience, Retry, Route, RouteMatch
from meshui.traffic.interchange.common import Loss, metadata, plain_ops, to_yaml
from meshui.traffic.interchange.documents import duration_text
from meshui.traffic.interchange.values import Exported

API_VERSION = "networking.istio.io/v1"
_SIMPLE = {"least_request": "LEAST_REQUEST", "round_robin": "ROUND_ROBIN", "random": "RANDOM"}
_UNKNOWN_THERE = "Istio has no equivalent"


def to_istio(
    service: ServiceName, routes: Sequence[Route], split: Mapping[str, int], resilience: Resilience
) -> Exported:
    """Both documents, and what they cannot say."""
    loss = Loss()
    host = f"{service.name}.{service.namespace}.svc.cluster.local"
    virtual = {
        "apiVersion": API_VERSION,
        "kind": "VirtualService",
        "metadata": metadata(service),
        "spec": {
            "hosts": [host],
            "http": [_rule(route, host, split, f"routes.{i}", loss) for i, route in enumerate(routes)],
        },
    }
    destination = {
        "apiVersion": API_VERSION,
        "kind": "DestinationRule",
        "metadata": metadata(service),
        "spec": {
            "host": host,
            "trafficPolicy": _policy(resilience, loss),
            "subsets": [{"name": version, "labels": {"version": version}} for version in sorted(split)],
        },
    }
    return Exported(text=to_yaml([virtual, destination]), notes=loss.notes)


def _rule(route: Route, host: str, split: Mapping[str, int], path: str, loss: Loss) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": route.name}
    if match := _match(route.match, path, loss):
        rule["match"] = [match]
    for name in ("sticky", "limits"):
        if getattr(route, name):
            loss.lost(f"{path}.{name}", _UNKNOWN_THERE)
    headers = {"request": plain_ops(route.request_headers), "response": plain_ops(route.response_headers)}
    if any(headers.values()):
        rule["headers"] = {side: ops for side, ops in headers.items() if ops}
    if route.fault is not None:
        rule["fault"] = _fault(route, path, loss)
    if route.redirect is not None:
        return rule | {"redirect": _redirect(route, path, loss)}
    if route.direct is not None:
        return rule | {"directResponse": {"status": route.direct.status, "body": {"string": route.direct.body}}}
    if route.rewrite is not None:
        rule["rewrite"] = _rewrite(route)
    rule["route"] = [
        _target(route, host, version, weight) for version, weight in sorted((route.weights or split).items()) if weight
    ]
    if route.mirror is not None:
        rule["mirror"] = {"host": host, "subset": route.mirror.version}
        rule["mirrorPercentage"] = {"value": route.mirror.percent}
        if not route.mirror.unsafe:
            loss.changed(f"{path}.mirror.unsafe", "Istio mirrors every method")
    rule["timeout"] = duration_text(route.timeouts.request_ms)
    if route.timeouts.idle_ms != type(route.timeouts)().idle_ms:
        loss.lost(f"{path}.timeouts.idle_ms", _UNKNOWN_THERE)
    rule["retries"] = _retries(route.retry, path, loss)
    return rule


def _match(match: RouteMatch, path: str, loss: Loss) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if match.path is not None:
        if match.path.kind == "template":
            said["uri"] = {"regex": _template(match.path.value)}
        else:
            said["uri"] = {match.path.kind: match.path.value}
        if match.path.kind == "prefix":
            loss.changed(f"{path}.match.path", "Istio compares prefixes letter by letter: /a matches /ab too")
    if match.methods:
        one = len(match.methods) == 1
        said["method"] = {"exact": match.methods[0]} if one else {"regex": "|".join(match.methods)}
    for header in match.headers:
        said.setdefault("withoutHeaders" if header.invert else "headers", {})[header.name] = _string(header)
    for query in match.query:
        if query.invert:
            loss.lost(f"{path}.match.query", "Istio cannot invert a query parameter's condition")
        else:
            said.setdefault("queryParams", {})[query.name] = _string(query)
    if match.cookies:
        loss.lost(f"{path}.match.cookies", "Istio compares the whole Cookie header")
    namespaces = {source.partition("/")[0] for source in match.sources if source.endswith("/*")}
    if len(namespaces) == len(match.sources) == 1:
        said["sourceNamespace"] = namespaces.pop()
    elif match.sources:
        loss.lost(f"{path}.match.sources", "Istio matches one namespace, or labels of workloads")
    return said


def _template(template: str) -> str:
    """The regex that matches what a path template does."""
    parts = []
    for segment in template.split("/"):
        if segment.startswith("{"):
            parts.append(".*" if segment.endswith("=**}") else "[^/]+")
        else:
            parts.append(
                "".join(letter if letter.isalnum() or letter in "-_~" else f"\\{letter}" for letter in segment)
            )
    return "/".join(parts)


def _string(match: FieldMatch) -> dict[str, str]:
    return {} if match.kind == "present" else {match.kind: match.value}


def _target(route: Route, host: str, version: str, weight: int) -> dict[str, Any]:
    target: dict[str, Any] = {"destination": {"host": host, "subset": version}, "weight": weight}
    if backend := route.backends.get(version):
        headers = {"request": plain_ops(backend.request_headers), "response": plain_ops(backend.response_headers)}
        target["headers"] = {side: ops for side, ops in headers.items() if ops}
    return target


def _redirect(route: Route, path: str, loss: Loss) -> dict[str, Any]:
    redirect = route.redirect
    assert redirect is not None
    if redirect.prefix or redirect.strip_query:
        loss.lost(f"{path}.redirect", "Istio replaces the whole path and keeps the query")
    said = {"uri": redirect.path, "authority": redirect.host, "scheme": redirect.scheme, "port": redirect.port}
    return {name: value for name, value in said.items() if value} | {"redirectCode": redirect.code}


def _rewrite(route: Route) -> dict[str, Any]:
    rewrite = route.rewrite
    assert rewrite is not None
    said: dict[str, Any] = {"uri": rewrite.path or rewrite.prefix, "authority": rewrite.host}
    if rewrite.regex:
        said["uriRegexRewrite"] = {"match": rewrite.regex, "rewrite": rewrite.substitution}
    return {name: value for name, value in said.items() if value}


def _fault(route: Route, path: str, loss: Loss) -> dict[str, Any]:
    fault = route.fault
    assert fault is not None
    if fault.header:
        loss.lost(f"{path}.fault.header", "Istio puts faults into all requests of the route")
    said: dict[str, Any] = {}
    if fault.delay_ms:
        percentage = {"value": fault.delay_percent}
        said["delay"] = {"percentage": percentage, "fixedDelay": duration_text(fault.delay_ms)}
    if fault.abort_status:
        said["abort"] = {"percentage": {"value": fault.abort_percent}, "httpStatus": fault.abort_status}
    return said


def _retries(retry: Retry, path: str, loss: Loss) -> dict[str, Any]:
    if not retry.attempts:
        return {"attempts": 0}
    on = [word for word in retry.on if word != "refused"]  # part of Envoy's connect-failure
    if retry.unsafe is False and (retry.codes or set(on) - {"connect-failure", "reset-before-request"}):
        loss.changed(f"{path}.retry.unsafe", "Istio retries every method, not only idempotent ones")
    said: dict[str, Any] = {"attempts": retry.attempts, "retryOn": ",".join([*on, *map(str, retry.codes)])}
    if retry.per_try_timeout_ms:
        said["perTryTimeout"] = duration_text(retry.per_try_timeout_ms)
    if retry.backoff_ms != Retry().backoff_ms:
        said["backoff"] = duration_text(retry.backoff_ms)
    return said


def _policy(resilience: Resilience, loss: Loss) -> dict[str, Any]:
    breaker, outlier = resilience.breaker, resilience.outlier
    http: dict[str, Any] = {"http1MaxPendingRequests": breaker.pending, "http2MaxRequests": breaker.requests}
    if resilience.retry_budget is None:
        http["maxRetries"] = breaker.retries
    else:
        loss.lost("resilience.retry_budget", "Istio counts retries in flight (maxRetries)")
    if resilience.health_check is not None:
        loss.lost("resilience.health_check", "Istio leaves active checks to Kubernetes")
    tcp = {"maxConnections": breaker.connections, "connectTimeout": duration_text(resilience.connect_timeout_ms)}
    policy: dict[str, Any] = {
        "loadBalancer": _balancer(resilience, loss),
        "connectionPool": {"tcp": tcp, "http": http},
    }
    if outlier is not None:
        policy["outlierDetection"] = {
            "consecutive5xxErrors": outlier.consecutive_5xx,
            "consecutiveGatewayErrors": outlier.consecutive_gateway,
            "interval": duration_text(outlier.interval_ms),
            "baseEjectionTime": duration_text(outlier.eject_ms),
            "maxEjectionPercent": outlier.max_percent,
        }
    return policy


def _balancer(resilience: Resilience, loss: Loss) -> dict[str, Any]:
    balancer = resilience.balancer
    said: dict[str, Any]
    if balancer.policy == "maglev":
        hashed = balancer.hash
        key: dict[str, Any] = {"useSourceIp": True}
        if hashed.kind == "header":
            key = {"httpHeaderName": hashed.name}
        elif hashed.kind == "cookie":
            key = {"httpCookie": {"name": hashed.name}}
        said = {"consistentHash": {**key, "maglev": {}}}
    else:
        if balancer.policy == "peak_ewma":
            loss.changed("resilience.balancer.policy", "Istio has no peak EWMA: LEAST_REQUEST")
        said = {"simple": _SIMPLE.get(balancer.policy, "LEAST_REQUEST")}
    if balancer.slow_start_ms:
        said["warmup"] = {"duration": duration_text(balancer.slow_start_ms)}
    return said
