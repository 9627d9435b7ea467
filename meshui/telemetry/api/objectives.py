"""``objectives/`` and ``services/{ns}/{name}/objectives/``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.selectors import get_service
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, View, WriteQuery, body, query
from meshui.core.api.conditions import answer, conditions
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives.burn import Budget
from meshui.telemetry.objectives.history import BudgetHistory, Span, budget_history
from meshui.telemetry.objectives.selectors import ObjectiveView, objective_views, objectives
from meshui.telemetry.objectives.services import (
    LEAST,
    MOST,
    SLOWEST_MS,
    Promised,
    objective_set,
    promised,
    version_of,
)

Percent = Annotated[float, Meta(ge=LEAST, le=MOST)]


class LatencyObjective(Body, frozen=True, kw_only=True):
    """``percent`` of requests are answered within ``threshold_ms`` milliseconds."""

    percent: Percent
    threshold_ms: Annotated[int, Meta(ge=1, le=SLOWEST_MS)]


class ObjectiveBody(Body, frozen=True, kw_only=True):
    """What a service promises, whole; null is no promise. ``availability`` is percent of requests without an error."""

    availability: Percent | None
    latency: LatencyObjective | None
    reason: Reason = ""


class ServiceObjectives(View, frozen=True, kw_only=True):
    """``availability_budget`` and ``latency_budget`` are null where nothing is promised."""

    availability: float | None
    latency: LatencyObjective | None
    availability_budget: Budget | None
    latency_budget: Budget | None
    version: str


class ObjectivesWritten(View, frozen=True, kw_only=True):
    """``revision`` is null where nothing changed."""

    availability: float | None
    latency: LatencyObjective | None
    version: str
    revision: int | None


class Objectives(Endpoint):
    writes = None

    @operation("objectives", query=ListQuery, answer=Page[ObjectiveView])
    def get(self, request: Request) -> Response:
        """What services promise, and what is left of their error budgets; of those that promise something."""
        rows = objectives(actor_of(request).visible_namespaces())
        asked = query(request, ListQuery)
        shown = page(request, rows, asked, _row, fields=("service__namespace__name", "service__name"))
        return Response(Page(next=shown.next, previous=shown.previous, results=objective_views(shown.results)))


class OneObjective(Endpoint):
    writes = "traffic.write"

    @operation("service_objectives", answer=ServiceObjectives, tags=("services",))
    def get(self, request: Request, ns: str, name: str) -> Response:
        """What a service promises, and its error budgets."""
        service = get_service(f"{ns}/{name}")
        now = promised(service)
        views = objective_views(objectives(None).filter(service=service))
        shown = ServiceObjectives(
            availability=now.availability,
            latency=_latency(now),
            availability_budget=views[0].availability if views else None,
            latency_budget=views[0].latency if views else None,
            version=version_of(now),
        )
        return answer(shown, version=shown.version)

    @operation(
        "service_objectives_set",
        body=ObjectiveBody,
        query=WriteQuery,
        answer=ObjectivesWritten,
        conditional=True,
        tags=("services",),
    )
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set what a service promises, whole."""
        sent = body(request, ObjectiveBody)
        latency = (sent.latency.percent, sent.latency.threshold_ms) if sent.latency else None
        done = objective_set(
            service=f"{ns}/{name}",
            wanted=Promised(sent.availability, latency),
            **conditions(request, sent.reason),
        )
        shown = ObjectivesWritten(
            availability=done.promised.availability,
            latency=_latency(done.promised),
            version=done.version,
            revision=done.revision,
        )
        return answer(shown, version=done.version)


class HistoryQuery(Body, frozen=True, kw_only=True):
    span: Span = "28d"


class ObjectiveHistory(Endpoint):
    writes = None

    @operation("service_objectives_history", query=HistoryQuery, answer=BudgetHistory, tags=("services",))
    def get(self, request: Request, ns: str, name: str) -> Response:
        """How much of each error budget was left over the last hour, day, week or period."""
        service = get_service(f"{ns}/{name}")
        return Response(
            budget_history(objectives(None).filter(service=service).first(), query(request, HistoryQuery).span)
        )


def _row(row: Objective) -> Objective:
    return row


def _latency(promised: Promised) -> LatencyObjective | None:
    return promised.latency and LatencyObjective(percent=promised.latency[0], threshold_ms=promised.latency[1])
