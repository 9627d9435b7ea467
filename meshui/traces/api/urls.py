"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.traces.api import views

urlpatterns = [
    path("traces/", views.Traces.as_view()),
    path("traces/points/", views.Points.as_view()),
    path("traces/exemplars/", views.ExemplarsEndpoint.as_view()),
    path("traces/<id:trace_id>/", views.OneTrace.as_view()),
]
