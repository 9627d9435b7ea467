"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.rollouts.api import actions, declared, forecasts, rollouts, templates

ROLLOUT = "rollouts/<int:rollout_id>/"
SERVICE = "services/<label:ns>/<label:name>/"

urlpatterns: list[URLPattern] = [
    path("rollouts/", rollouts.Rollouts.as_view()),
    path("rollouts/preflight/", forecasts.Preflight.as_view()),
    path("rollouts/estimate/", forecasts.Estimate.as_view()),
    path(ROLLOUT, rollouts.OneRollout.as_view()),
    path(f"{ROLLOUT}events/", rollouts.Events.as_view()),
    path(f"{ROLLOUT}measurements/", rollouts.Measurements.as_view()),
    path(f"{ROLLOUT}proxies/", rollouts.Proxies.as_view()),
    *(path(f"{ROLLOUT}{action}/", endpoint.as_view()) for action, endpoint in actions.ACTIONS.items()),
    path(f"{SERVICE}rollout/", declared.Declared.as_view()),
    path(f"{SERVICE}undo/", actions.Undo.as_view()),
    path("analysis-templates/", templates.Templates.as_view()),
    path("analysis-templates/<label:template>/", templates.OneTemplate.as_view()),
    path("analysis-templates/<label:template>/backtest/", templates.Backtest.as_view()),
]
