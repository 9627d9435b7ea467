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
from meshui.security.models import Authority, DeniedIdentity, IssuedCertificate


class CertificateQuery(ListQuery, frozen=True, kw_only=True):
    proxy: Annotated[str, Meta(max_length=40, description="A proxy's id.")] = ""
    identity: Annotated[str, Meta(max_length=512, description="A whole SPIFFE id.")] = ""
    state: Literal["", "valid", "expired", "revoked"] = ""
    current: Annotated[bool, Meta(description="Only the newest of each proxy.")] = False


class DeniedView(View, frozen=True, kw_only=True):
    """An identity that nobody accepts; ``actor`` denied it."""

    identity: str
    actor: str
    reason: str
    at: datetime


class CertificateView(View, frozen=True, kw_only=True):
    """``serial`` is hex, ``issuer`` the fingerprint of the intermediate; ``actor`` asked for it. ``replaced_at`` is
    when the proxy got the next one, ``renews_at`` when it will, give or take a tenth of its life; null where it will
    not. ``renewal_ordered_at`` is when somebody asked for that at once."""

    serial: str
    proxy: str
    identity: str
    actor: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    issuer: str
    replaced_at: datetime | None
    renews_at: datetime | None
    renewal_ordered_at: datetime | None
    revoked_at: datetime | None


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
        elif asked.state == "revoked":
            rows = rows.exclude(revoked_at=None)
        if asked.current:
            rows = rows.filter(replaced_at=None)
        rows = rows.select_related("authority")
        return Response(page(request, rows, asked, _certificate, descending=True))


class DeniedIdentities(Endpoint):
    @operation("denied_identities", query=ListQuery, answer=Page[DeniedView])
    def get(self, request: Request) -> Response:
        """The identities that no proxy accepts and that get no certificate."""
        rows = selectors.denied(actor_of(request))
        return Response(page(request, rows, query(request, ListQuery), _denied, fields=("identity",)))


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
        issuer=row.authority.fingerprint,
        replaced_at=row.replaced_at,
        renews_at=_renews_at(row),
        renewal_ordered_at=row.renewal_ordered_at,
        revoked_at=row.revoked_at,
    )


def _renews_at(row: IssuedCertificate) -> datetime | None:
    if row.replaced_at or row.revoked_at or row.not_after <= timezone.now():
        return None
    return row.renewal_ordered_at or row.issued_at + (row.not_after - row.issued_at) / 2


def _denied(row: DeniedIdentity) -> DeniedView:
    return DeniedView(identity=row.identity, actor=row.actor, reason=row.reason, at=row.at)


def _authority(row: Authority) -> AuthorityCertificateView:
    return AuthorityCertificateView(
        kind="root" if row.kind == Authority.Kind.ROOT else "intermediate",
        fingerprint=row.fingerprint,
        not_before=row.not_before,
        not_after=row.not_after,
        certificate=row.certificate,
    )
