"""The authority's own certificates: renewed, requested from elsewhere, and what anybody may have of them."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db.models import Max
from django.http import HttpResponse
from msgspec import UNSET, UnsetType, field
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Reason, View, WriteQuery, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.errors import NotFound
from meshui.core.models import Change
from meshui.security.api.offers import DOCUMENTS, OfferBody
from meshui.security.material import algorithm
from meshui.security.models import Authority, IntermediateRequest
from meshui.security.selectors import held_under
from meshui.security.services import intermediate_set, request_make, request_withdraw, trust_bundle
from meshui.security.services.incoming import waiting_request

REFRESH_S = 300
"""How often whoever federates with this mesh should look at its bundle."""


class AuthorityCertificateView(View, frozen=True, kw_only=True):
    """``trusted``: proxies accept peers under it. ``key`` is where its key is: sealed in the database, with the
    signer's program, or where nothing here reaches it. ``root`` is the fingerprint of an intermediate's root;
    ``leaves`` are the certificates right under it that proxies use now. ``fingerprint`` is the SHA-256 of the
    certificate, hex."""

    kind: Literal["root", "intermediate"]
    state: Literal["pending", "active", "retired"]
    trusted: bool
    origin: Literal["made", "imported", "offline"]
    key: Literal["builtin", "external", "elsewhere"]
    algorithm: str
    subject: str
    fingerprint: str
    root: str | None
    not_before: datetime
    not_after: datetime
    leaves: int
    certificate: str


class RequestView(View, frozen=True, kw_only=True):
    """``csr`` is PEM; ``key_digest`` the SHA-256 of its public key, hex."""

    csr: str
    key_digest: str
    actor: str
    created_at: datetime


class RequestBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class BundleKey(View, frozen=True, kw_only=True):
    """A JSON Web Key (RFC 7517) with its certificate, base64 of DER."""

    kty: Literal["EC", "RSA"]
    use: Literal["x509-svid"] = "x509-svid"
    x5c: list[str]
    crv: str | UnsetType = UNSET
    x: str | UnsetType = UNSET
    y: str | UnsetType = UNSET
    n: str | UnsetType = UNSET
    e: str | UnsetType = UNSET


class Bundle(View, frozen=True, kw_only=True):
    """A SPIFFE trust bundle. The sequence rises whenever the roots change."""

    keys: list[BundleKey]
    sequence: int = field(name="spiffe_sequence")
    refresh_hint: int = field(name="spiffe_refresh_hint", default=REFRESH_S)


class Intermediate(Endpoint):
    writes = "security.write"

    @operation("authority_intermediate", body=OfferBody, query=WriteQuery, answer=AuthorityCertificateView)
    def post(self, request: Request) -> Response:
        """Sign with a new intermediate from now on, under the root that there is. Certificates by the former one stay
        good."""
        sent = body(request, OfferBody, documents=DOCUMENTS)
        row = intermediate_set(
            actor=actor_of(request), offer=sent.offer, reason=sent.reason, dry_run=query(request, WriteQuery).dry_run
        )
        return Response(certificate_view(row))


class OpenRequest(Endpoint):
    writes = "security.write"

    @operation("authority_request", answer=RequestView)
    def get(self, request: Request) -> Response:
        """The request for an intermediate that waits to be signed elsewhere."""
        row = waiting_request()
        if row is None:
            raise NotFound("no request waits")
        return Response(request_view(row))

    @operation("authority_request_make", body=RequestBody, answer=RequestView, status=201)
    def post(self, request: Request) -> Response:
        """Make a key, sealed here, and the request to have an intermediate signed for it by a root that is
        elsewhere."""
        reason = body(request, RequestBody).reason
        return Response(request_view(request_make(actor=actor_of(request), reason=reason)), status=201)

    @operation("authority_request_withdraw", query=DeleteQuery, status=204)
    def delete(self, request: Request) -> Response:
        """Forget the request and its key."""
        request_withdraw(actor=actor_of(request), reason=query(request, DeleteQuery).reason)
        return Response(status=204)


class BundlePem(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("authority_bundle_pem")
    def get(self, request: Request) -> HttpResponse:
        """The roots that members of the mesh are verified under, PEM. Public."""
        answer = HttpResponse("".join(trust_bundle()), content_type="application/x-pem-file")
        answer["Content-Disposition"] = 'attachment; filename="bundle.pem"'
        return answer


class BundleJson(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("authority_bundle", answer=Bundle)
    def get(self, request: Request) -> Response:
        """The same as a SPIFFE trust bundle. Public."""
        roots = [x509.load_pem_x509_certificate(root.encode()) for root in trust_bundle()]
        changes = Change.objects.filter(object="authority:mesh").aggregate(last=Max("revision_id"))
        return Response(Bundle(keys=[_bundle_key(root) for root in roots], sequence=changes["last"] or 0))


def certificate_view(row: Authority) -> AuthorityCertificateView:
    return certificate_views([row])[0]


def certificate_views(rows: list[Authority]) -> list[AuthorityCertificateView]:
    """Rows of which ``root`` is selected, as they are shown; one query for all."""
    leaves = held_under()
    return [_certificate(row, leaves.get(row.pk, 0)) for row in rows]


def _certificate(row: Authority, leaves: int) -> AuthorityCertificateView:
    certificate = x509.load_pem_x509_certificate(row.certificate.encode())
    shown: dict[str, Any] = {"kind": row.kind, "state": row.state, "origin": row.origin, "key": row.key}
    return AuthorityCertificateView(
        **shown,
        trusted=row.trusted if row.root is None else row.root.trusted,
        algorithm=algorithm(certificate.public_key()),
        subject=certificate.subject.rfc4514_string(),
        fingerprint=row.fingerprint,
        root=row.root.fingerprint if row.root else None,
        not_before=row.not_before,
        not_after=row.not_after,
        leaves=leaves,
        certificate=row.certificate,
    )


def request_view(row: IntermediateRequest) -> RequestView:
    return RequestView(csr=row.csr, key_digest=row.key_digest, actor=row.actor, created_at=row.created_at)


def _bundle_key(root: x509.Certificate) -> BundleKey:
    chain = [base64.b64encode(root.public_bytes(serialization.Encoding.DER)).decode()]
    key = root.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return BundleKey(kty="RSA", x5c=chain, n=_base64url(numbers.n), e=_base64url(numbers.e))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
    return BundleKey(
        kty="EC",
        x5c=chain,
        crv=f"P-{key.curve.key_size}",
        x=_base64url(point.x, size),
        y=_base64url(point.y, size),
    )


def _base64url(number: int, size: int = 0) -> str:
    raw = number.to_bytes(size or (number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
