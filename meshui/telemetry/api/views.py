"""Endpoints of what the mesh does. All of them only read."""

from __future__ import annotations

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.telemetry import selectors
from meshui.telemetry.api.queries import GraphQuery, MetricsQuery, ReplayQuery, TrafficQuery
from meshui.telemetry.graph import Graph, Scope
from meshui.telemetry.history import Replay, replay
from meshui.telemetry.measuring.asked import Asked
from meshui.telemetry.measuring.selectors import metrics_get
from meshui.telemetry.selectors import ServiceTraffic, Target
from meshui.telemetry.series import Metrics

TARGET = msgspec.json.schema_components([Target])[1][Target.__name__]


class GraphEndpoint(Endpoint):
    writes = None

    @operation("graph", query=GraphQuery, answer=Graph)
    def get(self, request: Request) -> Response:
        """Who calls whom within the window, how often, how fast and how well.

        Windows up to fifteen minutes come from one-second frames; longer ones, and the past beyond fifteen minutes,
        from rollups, with their ends rounded to `resolution_s`. Namespaces that you may not view are left out, and
        every edge into them.
        """
        asked = query(request, GraphQuery)
        scope = Scope(
            visible=actor_of(request).visible_namespaces(),
            namespace=asked.namespace,
            focus=asked.focus,
            hops=asked.hops,
        )
        return Response(
            selectors.graph_json(window_s=asked.window_s, by=asked.by, scope=scope, at=asked.at_unix),
        )


class ReplayEndpoint(Endpoint):
    writes = None

    @operation("graph_replay", query=ReplayQuery, answer=Replay)
    def get(self, request: Request) -> Response:
        """The graph step by step through a time, and what was changed meanwhile: from one-second frames where they
        reach back to its start, else from rollups."""
        actor = actor_of(request)
        asked = query(request, ReplayQuery)
        scope = Scope(visible=actor.visible_namespaces(), namespace=asked.namespace, focus=asked.focus, hops=asked.hops)
        since, until = asked.span
        return Response(
            replay(actor=actor, since=since, until=until, step_s=asked.step_s, by=asked.by, scope=scope),
        )


class MetricsEndpoint(Endpoint):
    writes = None

    @operation("metrics", query=MetricsQuery, answer=Metrics)
    def get(self, request: Request) -> Response:
        """Rates, errors, percentiles and bytes over time, of a service, a namespace, an edge or the whole mesh.

        Null means unobserved. With ``compare`` the same steps so much earlier come beside them.
        """
        actor = actor_of(request)
        asked = query(request, MetricsQuery)
        asked.require_sense()
        for name in (asked.service, *(asked.ends or ())):
            if "/" in name:
                actor.require_visible(name.partition("/")[0])
        if asked.namespace:
            actor.require_visible(asked.namespace)
        since, until = asked.span
        chosen = Asked(
            service=asked.service,
            namespace=asked.namespace,
            edge=asked.ends,
            version=asked.version,
            route=asked.route,
            instance=asked.instance,
            by=asked.by,
            visible=actor.visible_namespaces(),
        )
        return Response(
            metrics_get(
                asked=chosen,
                since=since,
                until=until,
                step_s=asked.step_s,
                compare_s=asked.compare_s,
                backend=asked.backend,
            )
        )


class ServiceTrafficEndpoint(Endpoint):
    writes = None

    @operation("service_traffic", query=TrafficQuery, answer=ServiceTraffic, tags=("services",))
    def get(self, request: Request, ns: str, name: str) -> Response:
        """Who calls a service and whom it calls, and how its requests were split over its versions."""
        return Response(
            selectors.service_traffic(
                service=f"{ns}/{name}",
                window_s=query(request, TrafficQuery).window_s,
                visible=actor_of(request).visible_namespaces(),
            )
        )


class PrometheusTargets(Endpoint):
    writes = None

    @operation("prometheus_targets", answer={"type": "array", "items": TARGET})
    def get(self, request: Request) -> Response:
        """Where Prometheus finds the proxies' own metrics (`http_sd_configs`, with a bearer token)."""
        return Response(selectors.prometheus_targets(actor_of(request).visible_namespaces()))
