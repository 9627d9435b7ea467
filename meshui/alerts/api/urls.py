"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from meshui.alerts.api import overview, views

urlpatterns = [
    path("overview/", overview.Overview.as_view()),
    path("alerts/", views.Alerts.as_view()),
    path("alerts/silences/", views.Silences.as_view()),
    path("alerts/silences/<int:silence_id>/", views.OneSilence.as_view()),
    path("alerts/receivers/", views.Receivers.as_view()),
    path("alerts/receivers/<int:receiver_id>/", views.OneReceiver.as_view()),
    path("alerts/receivers/<int:receiver_id>/test/", views.TestReceiver.as_view()),
    path("alerts/notices/", views.Notices.as_view()),
]
