"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.core.api import changes, documentation

urlpatterns: list[URLPattern] = [
    path("changes/", changes.Changes.as_view()),
    path("changes/export/", changes.Export.as_view()),
    path("changes/verify/", changes.Verify.as_view()),
    path("changes/<int:change_id>/", changes.OneChange.as_view()),
    path("changes/<int:change_id>/revert/", changes.Revert.as_view()),
    path("schema/", documentation.Schema.as_view(), name="schema"),
    path("docs/", documentation.Docs.as_view()),
]
