"""``split/``, ``routes/``, ``resilience/`` and ``limits/`` of a service, and the removal of a version."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.selectors import get_service
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, conditions
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.versions import etag
from meshui.mesh.values import Resilience
from meshui.traffic.api.bodies import (
    LimitsBody,
    LimitsView,
    LimitsWritten,
    ResilienceBody,
    ResilienceView,
    ResilienceWritten,
    RoutesBody,
    RoutesView,
    RoutesWritten,
    SplitBody,
    SplitView,
    SplitWritten,
    UsageQuery,
)
from meshui.traffic.selectors import limits_of, resilience_of, routes_of, split_of
from meshui.traffic.services import limits_set, resilience_set, routes_set, split_set, version_remove
from meshui.traffic.usage import LimitsUsage, limits_usage


class Split(Endpoint):
    writes = "traffic.write"

    @operation("split", answer=SplitView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """Which share of the traffic each version takes."""
        weights = split_of(get_service(f"{ns}/{name}"))
        version = etag(weights)
        return answer(SplitView(weights=weights, version=version), version=version)

    @operation("split_set", body=SplitBody, query=WriteQuery, answer=SplitWritten, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set the weights, whole."""
        sent = body(request, SplitBody)
        done = split_set(
            service=f"{ns}/{name}",
            weights=sent.weights,
            **conditions(request, sent.reason),
        )
        shown = SplitWritten(weights=done.weights, version=done.version, revision=done.revision)
        return answer(shown, version=done.version)


class Routes(Endpoint):
    writes = "traffic.write"

    @operation("routes", answer=RoutesView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """The routes in their order. A route without weights follows the split."""
        routes = routes_of(get_service(f"{ns}/{name}"))
        version = etag(routes)
        return answer(RoutesView(routes=list(routes), version=version), version=version)

    @operation("routes_set", body=RoutesBody, query=WriteQuery, answer=RoutesWritten, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set all routes, in their order."""
        sent = body(request, RoutesBody)
        done = routes_set(
            service=f"{ns}/{name}",
            routes=sent.routes,
            **conditions(request, sent.reason),
        )
        shown = RoutesWritten(routes=list(done.value), version=done.version, revision=done.revision)
        return answer(shown, version=done.version)


class ServiceResilience(Endpoint):
    writes = "traffic.write"

    @operation("resilience", answer=ResilienceView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """How callers of the service choose its instances and guard themselves."""
        value = resilience_of(get_service(f"{ns}/{name}"))
        version = etag(value)
        return answer(extended(ResilienceView, value, version=version), version=version)

    @operation("resilience_set", body=ResilienceBody, query=WriteQuery, answer=ResilienceWritten, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set it, whole."""
        sent = body(request, ResilienceBody)
        done = resilience_set(
            service=f"{ns}/{name}",
            resilience=Resilience(**{name: getattr(sent, name) for name in Resilience.__struct_fields__}),
            **conditions(request, sent.reason),
        )
        shown = extended(ResilienceWritten, done.value, version=done.version, revision=done.revision)
        return answer(shown, version=done.version)


class ServiceLimits(Endpoint):
    writes = "traffic.write"

    @operation("limits", answer=LimitsView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """What each instance's proxy lets pass; a request above it is answered 429."""
        limits = limits_of(get_service(f"{ns}/{name}"))
        version = etag(limits)
        return answer(LimitsView(limits=list(limits), version=version), version=version)

    @operation("limits_set", body=LimitsBody, query=WriteQuery, answer=LimitsWritten, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set all limits, in the order in which they count."""
        sent = body(request, LimitsBody)
        done = limits_set(
            service=f"{ns}/{name}",
            limits=sent.limits,
            **conditions(request, sent.reason),
        )
        shown = LimitsWritten(limits=list(done.value), version=done.version, revision=done.revision)
        return answer(shown, version=done.version)


class ServiceLimitsUsage(Endpoint):
    writes = None

    @operation("limits_usage", query=UsageQuery, answer=LimitsUsage)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """What the limits of the service and of its routes let pass and turned away within the window."""
        window_s = query(request, UsageQuery).window_s
        return Response(limits_usage(service=f"{ns}/{name}", window_s=window_s))


class OneVersion(Endpoint):
    writes = "catalog.write"

    @operation("version_remove", query=DeleteQuery, status=204)
    def delete(self, request: Request, ns: str, name: str, version: str) -> Response:
        """Remove a version; 409 ``in_use`` while it has weight, a route names it, or instances of it exist."""
        asked = query(request, DeleteQuery)
        version_remove(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            version=version,
            reason=asked.reason,
            dry_run=asked.dry_run,
        )
        return Response(status=204)
