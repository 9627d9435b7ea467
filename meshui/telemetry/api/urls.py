"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.telemetry.api import views

urlpatterns = [
    path("graph/", views.GraphView.as_view()),
]
