"""``traces/settings/``: how much is traced."""

from __future__ import annotations

from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.bodies import Body, Reason, View, WriteQuery, body
from meshui.core.api.conditions import answer, conditions
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.versions import etag
from meshui.mesh.tracing import Percent, TraceLink, Tracing
from meshui.traces.settings import tracing_get, tracing_set


class TracingBody(Body, frozen=True, kw_only=True):
    """``percent`` of the traces that begin in the mesh are kept, and all whose parent is; with ``errors`` also each
    request that failed. Where it is not ``enabled``, proxies make no spans. ``link`` is where people find a trace
    elsewhere: an http or https address with ``{trace_id}`` in it, or empty."""

    enabled: bool = True
    percent: Percent
    errors: bool
    link: TraceLink = ""
    reason: Reason = ""


class TracingView(View, frozen=True, kw_only=True):
    enabled: bool
    percent: float
    errors: bool
    link: str
    version: str
    revision: int | None


class TracingEndpoint(Endpoint):
    writes = "traffic.write"

    @operation("tracing", answer=TracingView)
    def get(self, request: Request) -> Response:
        """How much of the mesh's requests is traced."""
        return _answer(tracing_get(), None)

    @operation("tracing_set", body=TracingBody, query=WriteQuery, answer=TracingView, conditional=True)
    def put(self, request: Request) -> Response:
        """Set how much is traced. Mesh-wide permission is needed; every proxy follows within a second."""
        sent = body(request, TracingBody)
        tracing = Tracing(enabled=sent.enabled, percent=sent.percent, errors=sent.errors, link=sent.link)
        done = tracing_set(tracing=tracing, **conditions(request, sent.reason))
        return _answer(done.value, done.revision)


def _answer(tracing: Tracing, revision: int | None) -> Response:
    shown = TracingView(**asdict(tracing), version=etag(tracing), revision=revision)
    return answer(shown, version=shown.version)
