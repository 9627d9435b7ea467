"""What was signed, and under whom: public facts, no keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from django.db.models import QuerySet
from django.utils import timezone
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import View, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Orderings, Page, ordering, page
from meshui.security import selectors
from meshui.security.models import DeniedIdentity, IssuedCertificate

ORDERINGS: Orderings = {"issued_at": ("pk",), "not_after": ("not_after", "pk")}


class CertificateQuery(ListQuery, frozen=True, kw_only=True):
    proxy: Annotated[str, Meta(max_length=40, description="A proxy's id.")] = ""
    identity: Annotated[str, Meta(max_length=512, description="A whole SPIFFE id.")] = ""
    namespace: Annotated[str, Meta(max_length=63)] = ""
    service: Annotated[str, Meta(max_length=127, description="namespace/name")] = ""
    issuer: Annotated[str, Meta(max_length=64, description="The fingerprint of an intermediate.")] = ""
    root: Annotated[str, Meta(max_length=64, description="The fingerprint of a root.")] = ""
    state: Annotated[
        Literal["", "valid", "expired", "revoked", "late", "ending"],
        Meta(description="late: in use, and should have been renewed; ending: in use, with a tenth of its life left."),
    ] = ""
    current: Annotated[bool, Meta(description="Only the newest of each proxy.")] = False
    ordering: Annotated[str, Meta(max_length=20, description="issued_at or not_after, - in front descends.")] = (
        "-issued_at"
    )


class DeniedView(View, frozen=True, kw_only=True):
    """An identity that nobody accepts; ``actor`` denied it."""

    identity: str
    actor: str
    reason: str
    at: datetime


class CertificateView(View, frozen=True, kw_only=True):
    """``serial`` is hex, ``issuer`` the fingerprint of the intermediate, ``root`` that of its root; ``actor`` asked for
    it. ``held``: the proxy reports to use it. ``replaced_at`` is when the next one was signed, ``renews_at`` when it
    will be, give or take a tenth of its life; null where it will not. ``late``: it should have been, and was not.
    ``renewal_ordered_at`` is when somebody asked for that at once."""

    serial: str
    proxy: str
    identity: str
    actor: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    issuer: str
    root: str | None
    held: bool
    late: bool
    replaced_at: datetime | None
    renews_at: datetime | None
    renewal_ordered_at: datetime | None
    revoked_at: datetime | None


class Certificates(Endpoint):
    @operation("certificates", query=CertificateQuery, answer=Page[CertificateView])
    def get(self, request: Request) -> Response:
        """The certificates that proxies were given, the newest first."""
        asked = query(request, CertificateQuery)
        rows = _asked_for(selectors.certificates(actor_of(request)), asked)
        rows = selectors.with_use(rows).select_related("authority__root")
        return Response(page(request, rows, asked, _certificate, **ordering(asked.ordering, ORDERINGS)))


def _asked_for(rows: QuerySet[IssuedCertificate], asked: CertificateQuery) -> QuerySet[IssuedCertificate]:
    exact = {
        "proxy_id": asked.proxy,
        "identity": asked.identity,
        "authority__fingerprint": asked.issuer,
        "authority__root__fingerprint": asked.root,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if asked.namespace:
        rows = rows.filter(identity__startswith=selectors.within(asked.namespace))
    if asked.service:
        namespace, _, name = asked.service.partition("/")
        rows = rows.filter(identity=f"{selectors.within(namespace)}{name}")
    if asked.state:
        rows = selectors.in_state(rows, asked.state)
    return rows.filter(replaced_at=None) if asked.current else rows


class DeniedIdentities(Endpoint):
    @operation("denied_identities", query=ListQuery, answer=Page[DeniedView])
    def get(self, request: Request) -> Response:
        """The identities that no proxy accepts and that get no certificate."""
        rows = selectors.denied(actor_of(request))
        return Response(page(request, rows, query(request, ListQuery), _denied, fields=("identity",)))


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
        root=row.authority.root.fingerprint if row.authority.root else None,
        held=bool(getattr(row, "held", False)),
        late=bool(getattr(row, "late", False)),
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
