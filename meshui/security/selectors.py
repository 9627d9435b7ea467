"""Reads of the authority and of what it signed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Count, DateTimeField, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.lookups import LessThan
from django.utils import timezone

from meshui.catalog.models import Proxy
from meshui.core.actors import Actor
from meshui.security.models import Authority, DeniedIdentity, IssuedCertificate

LATE, ENDING = 0.7, 0.9
"""The parts of a certificate's life after which it should long have been renewed (proxies do so by 0.6), and after
which that is urgent."""

# A report names the end of the certificate in use, to the second.
_IN_USE = Exists(Proxy.objects.filter(pk=OuterRef("proxy_id"), certificate_not_after=OuterRef("not_after")))


def certificates(actor: Actor) -> QuerySet[IssuedCertificate]:
    """The signed leaves that the actor may see: those of services in visible namespaces."""
    return IssuedCertificate.objects.filter(_visible(actor))


def denied(actor: Actor) -> QuerySet[DeniedIdentity]:
    """The denied identities that the actor may see."""
    return DeniedIdentity.objects.filter(_visible(actor))


def authorities() -> list[Authority]:
    """The certificates that sign now, that proxies trust, or that wait for a rotation to take them."""
    retired = Q(state=Authority.State.RETIRED)
    return list(Authority.objects.select_related("root").filter(~retired | Q(trusted=True)).order_by("id"))


def held_under() -> dict[int, int]:
    """How many certificates proxies use, by the authority that signed them."""
    rows = held(IssuedCertificate.objects.filter(not_after__gt=timezone.now())).order_by()
    return dict(rows.values_list("authority").annotate(Count("pk")))


def with_use(rows: QuerySet[IssuedCertificate]) -> QuerySet[IssuedCertificate]:
    """Each with ``held``, whether a proxy uses it, and ``late``, whether it should have been renewed by now."""
    return rows.annotate(held=_IN_USE, late=_late(timezone.now()))


def in_state(rows: QuerySet[IssuedCertificate], state: str) -> QuerySet[IssuedCertificate]:
    """``valid, expired, revoked, late`` or ``ending``."""
    now = timezone.now()
    match state:
        case "valid":
            return rows.filter(not_after__gt=now, revoked_at=None)
        case "expired":
            return rows.filter(not_after__lte=now)
        case "revoked":
            return rows.exclude(revoked_at=None)
        case "late":
            return rows.filter(_late(now))
    return rows.filter(_IN_USE, _ended(ENDING, now), not_after__gt=now)


def counts(actor: Actor) -> dict[str, int]:
    """Of the certificates that proxies use, as far as the actor may see them: ``current``, ``late``, ``ending``."""
    now = timezone.now()
    rows = held(certificates(actor).filter(not_after__gt=now))
    return rows.aggregate(
        current=Count("pk"), late=Count("pk", filter=_late(now)), ending=Count("pk", filter=_ended(ENDING, now))
    )


def denied_identities() -> list[str]:
    """Whom no proxy accepts."""
    return list(DeniedIdentity.objects.order_by("identity").values_list("identity", flat=True))


def revoked_serials() -> list[str]:
    """The certificates that no proxy accepts although they have not ended."""
    rows = IssuedCertificate.objects.filter(not_after__gt=timezone.now()).exclude(revoked_at=None)
    return list(rows.order_by("serial").values_list("serial", flat=True))


def held(rows: QuerySet[IssuedCertificate]) -> QuerySet[IssuedCertificate]:
    """Those that proxies report to use."""
    return rows.filter(_IN_USE)


def ordered_renewals(proxy_ids: Collection[str]) -> dict[str, str]:
    """By proxy, the serial of the certificate that it is to renew at once: of the one that it uses, although it may
    have been sent the next; else of the newest."""
    rows = IssuedCertificate.objects.filter(proxy_id__in=proxy_ids).exclude(renewal_ordered_at=None)
    newest = dict(rows.filter(replaced_at=None).values_list("proxy_id", "serial"))
    return newest | dict(held(rows).values_list("proxy_id", "serial"))


def _visible(actor: Actor) -> Q:
    visible = actor.visible_namespaces()
    if visible is None:
        return Q()
    return reduce(or_, (Q(identity__startswith=within(ns)) for ns in visible), Q(pk__in=()))


def within(namespace: str) -> str:
    """How the identities of a namespace begin."""
    return f"spiffe://{settings.MESHUI.trust_domain}/ns/{namespace}/svc/"


def _late(now: datetime) -> Q:
    """In use, and past the time by which its proxy renews it whatever its jitter."""
    return Q(_IN_USE) & _ended(LATE, now) & Q(not_after__gt=now, revoked_at=None)


def _ended(part: float, now: datetime) -> Q:
    """Of which this part of the life is over."""
    life = ExpressionWrapper(F("not_after") - F("issued_at"), output_field=DurationField())
    until = ExpressionWrapper(F("issued_at") + life * part, output_field=DateTimeField())
    return Q(LessThan(until, now))
