"""The authority as a whole: its certificates, what renews next, and the rotation of its root."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import View
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.rotation.models import Rotation
from meshui.rotation.services import current
from meshui.rotation.shown import RotationView, rotation_view
from meshui.security import selectors
from meshui.security.api.authority import AuthorityCertificateView, RequestView, certificate_views, request_view
from meshui.security.models import Authority
from meshui.security.services.authority import INTERMEDIATE, active, renewal_due
from meshui.security.services.incoming import waiting_request


class RenewalView(View, frozen=True, kw_only=True):
    """When the next intermediate is due. Without ``automatic`` somebody has to have a request signed, for the root's
    key is elsewhere; ``detail`` says so."""

    at: datetime | None
    automatic: bool
    detail: str


class LeavesView(View, frozen=True, kw_only=True):
    """Of the certificates that proxies use now: ``late`` should have been renewed and were not, ``ending`` have less
    than a tenth of their life before them."""

    current: int
    late: int
    ending: int


class AuthorityView(View, frozen=True, kw_only=True):
    """``certificates`` are those that are active, trusted, or pending for a rotation; none before the first proxy
    joins. ``signer``: a program that signs with keys elsewhere is configured. ``rotation`` is the one under way, or the
    last."""

    certificates: list[AuthorityCertificateView]
    renewal: RenewalView
    signer: bool
    leaf_ttl_s: int
    csr_rate: int
    leaves: LeavesView
    request: RequestView | None
    rotation: RotationView | None


class OneAuthority(Endpoint):
    @operation("authority", answer=AuthorityView)
    def get(self, request: Request) -> Response:
        """The mesh's certificate authority: what anybody may know of it."""
        return Response(authority_view(actor_of(request)))


def authority_view(actor: Actor) -> AuthorityView:
    waiting = waiting_request()
    rotation = current() or Rotation.objects.select_related("old", "new").first()
    return AuthorityView(
        certificates=certificate_views(selectors.authorities()),
        renewal=_renewal(),
        signer=bool(settings.MESHUI.ca_signer),
        leaf_ttl_s=settings.MESHUI.leaf_ttl_s,
        csr_rate=settings.MESHUI.csr_rate,
        leaves=LeavesView(**selectors.counts(actor)),
        request=request_view(waiting) if waiting else None,
        rotation=rotation_view(actor, rotation) if rotation else None,
    )


def _renewal() -> RenewalView:
    intermediate = active(INTERMEDIATE)
    if intermediate is None:
        return RenewalView(at=None, automatic=True, detail="The authority is made when the first proxy joins.")
    root, due = intermediate.root, renewal_due(intermediate)
    if root is not None and root.key == Authority.Key.ELSEWHERE:
        return RenewalView(at=due, automatic=False, detail="The root's key is elsewhere: have a request signed there.")
    if root is not None and root.not_after <= timezone.now() + (intermediate.not_after - intermediate.not_before):
        return RenewalView(
            at=due, automatic=True, detail="The root ends before a whole life of the next one: rotate it."
        )
    return RenewalView(at=due, automatic=True, detail="")
