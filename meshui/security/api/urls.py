"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.security.api import certificates

urlpatterns: list[URLPattern] = [
    path("certificates/", certificates.Certificates.as_view()),
    path("authority/", certificates.OneAuthority.as_view()),
]
