"""Endpoints of traces for people. All of them only read."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import Page, page
from meshui.traces import selectors
from meshui.traces.api.queries import ExemplarsQuery, TracesFilter, TracesQuery
from meshui.traces.selectors import Exemplars, TraceDetail, TracePoints, TraceSummary


class Traces(Endpoint):
    writes = None

    @operation("traces", query=TracesQuery, answer=Page[TraceSummary])
    def get(self, request: Request) -> Response:
        """Traces with a span that is all of what is asked, newest first.

        Spans of namespaces that you may not view are left out, of counts and durations too.
        """
        asked = query(request, TracesQuery)
        visible = actor_of(request).visible_namespaces()
        rows = selectors.found(asked.asked(), visible)
        keys = page(request, rows, asked.page, lambda row: row.pk, fields=("start", "pk"), descending=True)
        results = selectors.summaries(keys.results, visible)
        return Response(Page(next=keys.next, previous=keys.previous, results=results))


class Points(Endpoint):
    writes = None

    @operation("trace_points", query=TracesFilter, answer=TracePoints)
    def get(self, request: Request) -> Response:
        """The newest thousand traces of a search, by when and how long they were."""
        asked = query(request, TracesFilter).asked()
        return Response(selectors.points(asked, actor_of(request).visible_namespaces()))


class ExemplarsEndpoint(Endpoint):
    writes = None

    @operation("trace_exemplars", query=ExemplarsQuery, answer=Exemplars)
    def get(self, request: Request) -> Response:
        """Example requests of a moment: those that failed first, then the slowest."""
        asked = query(request, ExemplarsQuery)
        visible = actor_of(request).visible_namespaces()
        return Response(selectors.exemplars(asked.asked(), visible, asked.limit))


class OneTrace(Endpoint):
    writes = None

    @operation("trace", answer=TraceDetail)
    def get(self, request: Request, trace_id: str) -> Response:
        """The spans of one trace as a tree, parents before children, with what the proxies decided."""
        return Response(selectors.trace(trace_id, actor_of(request).visible_namespaces()))
