"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.catalog.api import health_checks, instances, join_tokens, namespaces, services

SERVICE = "services/<label:ns>/<label:name>/"

urlpatterns: list[URLPattern] = [
    path("namespaces/", namespaces.Namespaces.as_view()),
    path("namespaces/<label:ns>/", namespaces.OneNamespace.as_view()),
    path("services/", services.Services.as_view()),
    path(SERVICE, services.OneService.as_view()),
    path(f"{SERVICE}versions/", services.Versions.as_view()),
    path(f"{SERVICE}instances/", instances.Instances.as_view()),
    path(f"{SERVICE}instances/<id:instance>/", instances.OneInstance.as_view()),
    path(f"{SERVICE}instances/<id:instance>/heartbeat/", instances.Heartbeat.as_view()),
    path(f"{SERVICE}instances/<id:instance>/draining/", instances.Draining.as_view()),
    path(f"{SERVICE}instances/<id:instance>/health-check/", health_checks.InstanceHealthCheck.as_view()),
    path(f"{SERVICE}health-check/", health_checks.ServiceHealthCheck.as_view()),
    path("join-tokens/", join_tokens.JoinTokens.as_view()),
    path("join-tokens/<int:token_id>/", join_tokens.OneJoinToken.as_view()),
]
