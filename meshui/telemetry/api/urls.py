"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.telemetry.api import objectives, sparklines, views

urlpatterns = [
    path("graph/", views.GraphEndpoint.as_view()),
    path("graph/replay/", views.ReplayEndpoint.as_view()),
    path("metrics/", views.MetricsEndpoint.as_view()),
    path("metrics/services/", sparklines.SparklinesEndpoint.as_view()),
    path("services/<label:ns>/<label:name>/traffic/", views.ServiceTrafficEndpoint.as_view()),
    path("services/<label:ns>/<label:name>/objectives/", objectives.OneObjective.as_view()),
    path("services/<label:ns>/<label:name>/objectives/history/", objectives.ObjectiveHistory.as_view()),
    path("objectives/", objectives.Objectives.as_view()),
    path("prometheus/targets/", views.PrometheusTargets.as_view()),
]
