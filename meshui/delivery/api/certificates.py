"""Certificates that end before their time: renewed at once, or revoked with whoever has them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, View, body
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.delivery.services import certificate_revoke
from meshui.security.services import identity_allow, renewal_order


class RenewalBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class RevocationBody(Body, frozen=True, kw_only=True):
    """``certificate`` is all that the proxy still holds; it may join again. ``identity`` is everybody who has the
    identity, and nobody gets it again until it is allowed."""

    scope: Literal["certificate", "identity"] = "certificate"
    reason: Reason = ""


class AllowanceBody(Body, frozen=True, kw_only=True):
    identity: Annotated[str, Meta(min_length=1, max_length=512, description="A whole SPIFFE id.")]
    reason: Reason = ""


class Ordered(View, frozen=True, kw_only=True):
    """``revision`` is null where it was asked for already."""

    revision: int | None


class Revoked(View, frozen=True, kw_only=True):
    """``evicted`` are the ids of the proxies that are no part of the mesh any more."""

    evicted: list[str]


class RenewCertificate(Endpoint):
    writes = "security.write"

    @operation("certificate_renew", body=RenewalBody, answer=Ordered)
    def post(self, request: Request, serial: str) -> Response:
        """Have the proxy renew its certificate at once, with a new key."""
        reason = body(request, RenewalBody).reason
        return Response(Ordered(revision=renewal_order(actor=actor_of(request), serial=serial, reason=reason)))


class RevokeCertificate(Endpoint):
    writes = "security.write"

    @operation("certificate_revoke", body=RevocationBody, answer=Revoked)
    def post(self, request: Request, serial: str) -> Response:
        """Refuse the certificate, or its identity, everywhere and at once; open connections are cut off."""
        sent = body(request, RevocationBody)
        evicted = certificate_revoke(
            actor=actor_of(request), serial=serial, identity=sent.scope == "identity", reason=sent.reason
        )
        return Response(Revoked(evicted=evicted))


class AllowIdentity(Endpoint):
    writes = "security.write"

    @operation("identity_allow", body=AllowanceBody, answer=Ordered)
    def post(self, request: Request) -> Response:
        """Let an identity that was denied have certificates again."""
        sent = body(request, AllowanceBody)
        revision = identity_allow(actor=actor_of(request), identity=sent.identity, reason=sent.reason)
        return Response(Ordered(revision=revision))
