"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.security.api import authority, certificates, observed, policies, providers, questions, settings

urlpatterns: list[URLPattern] = [
    path("certificates/", certificates.Certificates.as_view()),
    path("certificates/denied/", certificates.DeniedIdentities.as_view()),
    path("authority/request/", authority.OpenRequest.as_view()),
    path("authority/intermediate/", authority.Intermediate.as_view()),
    path("authority/bundle.pem", authority.BundlePem.as_view()),
    path("authority/bundle.json", authority.BundleJson.as_view()),
    path("policies/", policies.Policies.as_view()),
    path("policies/usage/", observed.Usage.as_view()),
    path("policies/matrix/", observed.Matrix.as_view()),
    path("policies/explain/", questions.Explain.as_view()),
    path("policies/replay/", questions.Replay.as_view()),
    path("policies/suggest/", questions.Suggest.as_view()),
    path("policies/<policy:key>/", policies.OnePolicy.as_view()),
    path("policies/<policy:key>/enforce/", policies.Enforce.as_view()),
    path("jwt-providers/", providers.Providers.as_view()),
    path("jwt-providers/<policy:name>/", providers.OneProvider.as_view()),
    path("jwt-providers/<policy:name>/refresh/", providers.Refresh.as_view()),
    path("mtls/", settings.Mtls.as_view()),
    path("mtls/plaintext/", observed.Plaintext.as_view()),
    path("mtls/namespaces/<label:ns>/", settings.NamespaceMtls.as_view()),
    path("mtls/services/<label:ns>/<label:name>/", settings.ServiceMtls.as_view()),
]
