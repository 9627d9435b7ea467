"""``/metrics`` of a control-plane web process, for Prometheus.

Request counters are this process's own. What the database knows, such as the revision, is read at the scrape, so
that every replica says the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from django.db import DatabaseError
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from meshui.core.models import Mesh, Outbox, Revision

REQUESTS = Counter("meshui_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("meshui_http_request_seconds", "Time to answer a request.", ["method", "route"])
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class RequestMetrics:
    """Counts requests by route pattern, never by path: a path would make a series of each object's name."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.route if match else "unmatched"
        method = request.method if request.method in METHODS else "other"
        SECONDS.labels(method, route).observe(time.perf_counter() - begun)
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        return response


class MeshCollector(Collector):
    """The mesh as the database has it."""

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: so that registering asks no database."""
        yield from ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("meshui_database_up", "Whether the database answers.")
        try:
            families = _families()
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from families


def _families() -> list[GaugeMetricFamily]:
    revision = Mesh.objects.values_list("revision", flat=True).first() or 0
    published = Revision.objects.exclude(published_at=None).order_by("-number").values_list("number", flat=True).first()
    oldest = Outbox.objects.aggregate(oldest=Min("created_at"))["oldest"]
    waited = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    figures = (
        ("meshui_revision", "The last committed revision.", revision),
        ("meshui_revision_published", "The last revision pushed to the proxies.", published or 0),
        ("meshui_outbox_resources", "Resources that wait to be pushed.", Outbox.objects.count()),
        ("meshui_outbox_oldest_seconds", "How long the oldest of them has waited.", waited),
    )
    return [GaugeMetricFamily(name, text, value=value) for name, text, value in figures]


REGISTRY.register(MeshCollector())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
