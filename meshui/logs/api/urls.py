"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.logs.api import settings, views

urlpatterns = [
    path("logs/", views.Logs.as_view()),
    path("logs/settings/", settings.LoggingEndpoint.as_view()),
]
