"""Reads of the authority and of what it signed."""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from meshui.core.actors import Actor
from meshui.security.models import Authority, DeniedIdentity, IssuedCertificate


def certificates(actor: Actor) -> QuerySet[IssuedCertificate]:
    """The signed leaves that the actor may see: those of services in visible namespaces."""
    return IssuedCertificate.objects.filter(_visible(actor))


def denied(actor: Actor) -> QuerySet[DeniedIdentity]:
    """The denied identities that the actor may see."""
    return DeniedIdentity.objects.filter(_visible(actor))


def authorities() -> list[Authority]:
    """The certificates that sign now."""
    return list(Authority.objects.filter(state=Authority.State.ACTIVE).order_by("id"))


def denied_identities() -> list[str]:
    """Whom no proxy accepts."""
    return list(DeniedIdentity.objects.order_by("identity").values_list("identity", flat=True))


def revoked_serials() -> list[str]:
    """The certificates that no proxy accepts although they have not ended. Those that end are dropped from what is
    published whenever something else of the trust changes: they are refused anyway."""
    rows = IssuedCertificate.objects.filter(not_after__gt=timezone.now()).exclude(revoked_at=None)
    return list(rows.order_by("serial").values_list("serial", flat=True))


def ordered_renewals(proxy_ids: Collection[str]) -> dict[str, str]:
    """By proxy, the serial of the certificate that it is to renew at once."""
    rows = IssuedCertificate.objects.filter(proxy_id__in=proxy_ids, replaced_at=None).exclude(renewal_ordered_at=None)
    return dict(rows.values_list("proxy_id", "serial"))


def _visible(actor: Actor) -> Q:
    visible = actor.visible_namespaces()
    if visible is None:
        return Q()
    return reduce(or_, (Q(identity__startswith=_within(ns)) for ns in visible), Q(pk__in=()))


def _within(namespace: str) -> str:
    return f"spiffe://{settings.MESHUI.trust_domain}/ns/{namespace}/svc/"
