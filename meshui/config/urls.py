"""Every path of the control plane: the API by app, health, metrics, and the dashboard for the rest."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

api = [
    path("", include("meshui.core.api.urls")),
    path("", include("meshui.accounts.api.urls")),
    path("", include("meshui.catalog.api.urls")),
    path("", include("meshui.traffic.api.urls")),
    path("", include("meshui.telemetry.api.urls")),
    path("", include("meshui.security.api.urls")),
    path("", include("meshui.delivery.api.urls")),
]
if settings.MESHUI.demo:
    api.append(path("", include("meshui.demo.urls")))

urlpatterns = [path("api/v1/", include(api))]
