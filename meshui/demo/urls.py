"""Paths of the demo under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.demo.api import KnobsView

urlpatterns = [path("demo/<slug:namespace>/<slug:service>/<str:version>/", KnobsView.as_view())]
