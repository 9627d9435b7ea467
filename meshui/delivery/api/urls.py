"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.delivery.api import certificates, joining, proxies, revisions

urlpatterns: list[URLPattern] = [
    path("proxies/join/", joining.Join.as_view()),
    path("proxies/renew/", joining.Renew.as_view()),
    path("proxies/", proxies.Proxies.as_view()),
    path("proxies/<id:proxy_id>/", proxies.OneProxy.as_view()),
    path("proxies/<id:proxy_id>/config/", proxies.ProxyConfig.as_view()),
    path("certificates/denied/allow/", certificates.AllowIdentity.as_view()),
    path("certificates/<id:serial>/renew/", certificates.RenewCertificate.as_view()),
    path("certificates/<id:serial>/revoke/", certificates.RevokeCertificate.as_view()),
    path("revisions/", revisions.Revisions.as_view()),
    path("revisions/<int:number>/", revisions.OneRevision.as_view()),
    path("info/", revisions.Info.as_view()),
]
