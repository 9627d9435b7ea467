"""``analysis-templates/``, and what one would have said of recorded traffic."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, WriteQuery, body, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import Page, page
from meshui.rollouts.api.backtests import tried
from meshui.rollouts.api.bodies import (
    BacktestBody,
    BacktestView,
    TemplateBody,
    TemplateContent,
    TemplateQuery,
    TemplateView,
)
from meshui.rollouts.bodies import Metrics
from meshui.rollouts.models import AnalysisTemplate
from meshui.rollouts.planning import metrics_of, spelled_metric
from meshui.rollouts.services.templates import (
    get_template,
    template_create,
    template_delete,
    template_metrics,
    template_set,
    template_version,
    templates,
)


class Templates(Endpoint):
    writes = "traffic.write"

    @operation("analysis_templates", query=TemplateQuery, answer=Page[TemplateView])
    def get(self, request: Request) -> Response:
        """Metrics that rollouts can name; they belong to no namespace."""
        asked = query(request, TemplateQuery)
        return Response(page(request, templates(asked.search), asked, _view, fields=["name"]))

    @operation("analysis_template_create", body=TemplateBody, query=WriteQuery, answer=TemplateView, status=201)
    def post(self, request: Request) -> Response:
        """A new template."""
        sent = body(request, TemplateBody)
        actor = actor_of(request)
        actor.require("traffic.write")
        done = template_create(
            actor=actor,
            name=sent.name,
            description=sent.description,
            metrics=metrics_of(sent.metrics),
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _shown(done.value, status=201)


class OneTemplate(Endpoint):
    writes = "traffic.write"

    @operation("analysis_template", answer=TemplateView)
    def get(self, request: Request, template: str) -> Response:
        """One template."""
        return _shown(get_template(template))

    @operation("analysis_template_set", body=TemplateContent, query=WriteQuery, answer=TemplateView, conditional=True)
    def put(self, request: Request, template: str) -> Response:
        """Set it, whole. Rollouts that have started keep what they copied."""
        actor_of(request).require("traffic.write")
        sent = body(request, TemplateContent)
        done = template_set(
            name=template,
            description=sent.description,
            metrics=metrics_of(sent.metrics),
            **conditions(request, sent.reason),
        )
        return _shown(done.value)

    @operation("analysis_template_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, template: str) -> Response:
        """Delete it. Rollouts that have started keep what they copied."""
        template_delete(name=template, **deletion(request))
        return Response(status=204)


class Backtest(Endpoint):
    writes = "view"

    @operation("analysis_template_backtest", body=BacktestBody, answer=BacktestView)
    def post(self, request: Request, template: str) -> Response:
        """What it would have said of recorded traffic. Nothing changes."""
        sent = body(request, BacktestBody)
        actor_of(request).require_visible(sent.service.partition("/")[0])
        return Response(tried(template_metrics(get_template(template)), sent, now=datetime.now(UTC)))


def _view(row: AnalysisTemplate) -> TemplateView:
    return TemplateView(
        name=row.name,
        description=row.description,
        metrics=msgspec.convert([spelled_metric(metric) for metric in template_metrics(row)], Metrics),
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=template_version(row),
    )


def _shown(row: AnalysisTemplate, status: int = 200) -> Response:
    view = _view(row)
    return answer(view, version=view.version, status=status)
