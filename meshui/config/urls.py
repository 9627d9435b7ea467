"""Every path of the control plane: the API by app, health, metrics, and the dashboard for the rest."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path, re_path

from meshui.core import health, metrics, problems
from meshui.snapshots import views as snapshot
from meshui.traces.api.receive import Receive

api = [
    path("", include("meshui.core.api.urls")),
    path("", include("meshui.accounts.api.urls")),
    path("", include("meshui.proposals.api.urls")),
    path("", include("meshui.catalog.api.urls")),
    path("", include("meshui.traffic.api.urls")),
    path("", include("meshui.telemetry.api.urls")),
    path("", include("meshui.traces.api.urls")),
    path("", include("meshui.logs.api.urls")),
    path("", include("meshui.taps.api.urls")),
    path("", include("meshui.security.api.urls")),
    path("", include("meshui.delivery.api.urls")),
    path("", include("meshui.rollouts.api.urls")),
    path("", include("meshui.rotation.api.urls")),
    path("", include("meshui.alerts.api.urls")),
]
if settings.MESHUI.demo:
    api.append(path("", include("meshui.demo.urls")))

urlpatterns = [
    path("api/v1/", include(api)),
    path("v1/traces", Receive.as_view()),
    re_path(r"^(api|static|ws)(/|$)", problems.not_found),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("snapshot.js", snapshot.clock_script),
    re_path(r"^(?P<path>.*)$", snapshot.index),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.internal_error
