"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.telemetry.api import views

urlpatterns = [
    path("graph/", views.GraphView.as_view()),
    path("metrics/", views.MetricsView.as_view()),
    path("services/<str:namespace>/<str:name>/traffic/", views.ServiceTrafficView.as_view()),
    path("prometheus/targets/", views.PrometheusTargetsView.as_view()),
]
