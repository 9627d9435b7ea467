"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.proposals.api import views

urlpatterns: list[URLPattern] = [
    path("proposals/", views.Proposals.as_view()),
    path("proposals/rules/", views.Rules.as_view()),
    path("proposals/<int:proposal_id>/", views.OneProposal.as_view()),
    path("proposals/<int:proposal_id>/approve/", views.Approve.as_view()),
    path("proposals/<int:proposal_id>/reject/", views.Reject.as_view()),
    path("proposals/<int:proposal_id>/withdraw/", views.Withdraw.as_view()),
]
