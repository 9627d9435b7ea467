"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.taps.api import views

urlpatterns = [
    path("taps/", views.Taps.as_view()),
    path("taps/<int:tap_id>/", views.OneTap.as_view()),
]
