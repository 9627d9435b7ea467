"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.rotation.api import authority, rotations

urlpatterns: list[URLPattern] = [
    path("authority/", authority.OneAuthority.as_view()),
    path("authority/rotations/", rotations.Rotations.as_view()),
    path("authority/rotations/<int:rotation_id>/", rotations.OneRotation.as_view()),
    path("authority/rotations/<int:rotation_id>/pause/", rotations.Pause.as_view()),
    path("authority/rotations/<int:rotation_id>/resume/", rotations.Resume.as_view()),
    path("authority/rotations/<int:rotation_id>/abort/", rotations.Abort.as_view()),
    path("authority/rotations/<int:rotation_id>/pass/", rotations.Pass.as_view()),
]
