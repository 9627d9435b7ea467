"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.traffic.api import dry_run, gateways, interchange, rules, simulate

SERVICE = "services/<label:ns>/<label:name>/"

urlpatterns: list[URLPattern] = [
    path(f"{SERVICE}split/", rules.Split.as_view()),
    path(f"{SERVICE}routes/", rules.Routes.as_view()),
    path(f"{SERVICE}resilience/", rules.ServiceResilience.as_view()),
    path(f"{SERVICE}limits/", rules.ServiceLimits.as_view()),
    path(f"{SERVICE}limits/usage/", rules.ServiceLimitsUsage.as_view()),
    path(f"{SERVICE}versions/<version:version>/", rules.OneVersion.as_view()),
    path(f"{SERVICE}dry-run/", dry_run.DryRun.as_view()),
    path(f"{SERVICE}export/", interchange.Export.as_view()),
    path("interchange/import/", interchange.Import.as_view()),
    path("gateways/", gateways.Gateways.as_view()),
    path("gateways/<label:ns>/<label:name>/", gateways.OneGateway.as_view()),
    path("simulate/", simulate.Simulate.as_view()),
]
