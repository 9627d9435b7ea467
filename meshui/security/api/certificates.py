"""What was signed, and under whom: public facts, no keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from django.utils import timezone
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import View, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.security import selectors
from meshui.security.models import Authority, IssuedCertificate


class CertificateQuery(ListQuery, frozen=True, kw_only=True):
    proxy: Annotated[str, Meta(max_length=40, description="A proxy's id.")] = ""
    identity: Annotated[str, Meta(max_length=512, description="A whole SPIFFE id.")] = ""
    state: Literal["", "valid", "expired"] = ""


class CertificateView(View, frozen=True, kw_only=True):
    """``serial`` is hex; ``actor`` asked for it."""

    serial: str
    proxy: str
    identity: str
    actor: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime


class AuthorityCertificateView(View, frozen=True, kw_only=True):
    """``fingerprint`` is the SHA-256 of the certificate, hex; ``certificate`` is PEM."""

    kind: Literal["root", "intermediate"]
    fingerprint: str
    not_before: datetime
    not_after: datetime
    certificate: str


class AuthorityView(View, frozen=True, kw_only=True):
    """The certificates that sign now; none before the first proxy joins."""

    certificates: list[AuthorityCertificateView]


class Certificates(Endpoint):
    @operation("certificates", query=CertificateQuery, answer=Page[CertificateView])
    def get(self, request: Request) -> Response:
        """The certificates that proxies were given, the newest first."""
        asked = query(request, CertificateQuery)
        rows = selectors.certificates(actor_of(request))
        if asked.proxy:
            rows = rows.filter(proxy_id=asked.proxy)
        if asked.identity:
            rows = rows.filter(identity=asked.identity)
        if asked.state == "valid":
            rows = rows.filter(not_after__gt=timezone.now())
        elif asked.state == "expired":
            rows = rows.filter(not_after__lte=timezone.now())
        return Response(page(request, rows, asked, _certificate, descending=True))


class OneAuthority(Endpoint):
    @operation("authority", answer=AuthorityView)
    def get(self, request: Request) -> Response:
        """The mesh's certificate authority: what anybody may know of it."""
        return Response(AuthorityView(certificates=[_authority(row) for row in selectors.authorities()]))


def _certificate(row: IssuedCertificate) -> CertificateView:
    return CertificateView(
        serial=row.serial,
        proxy=row.proxy_id,
        identity=row.identity,
        actor=row.actor,
        not_before=row.not_before,
        not_after=row.not_after,
        issued_at=row.issued_at,
    )


def _authority(row: Authority) -> AuthorityCertificateView:
    return AuthorityCertificateView(
        kind="root" if row.kind == Authority.Kind.ROOT else "intermediate",
        fingerprint=row.fingerprint,
        not_before=row.not_before,
        not_after=row.not_after,
        certificate=row.certificate,
    )
