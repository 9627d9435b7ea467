"""Reads of the authority and of what it signed."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Q, QuerySet

from meshui.core.actors import Actor
from meshui.security.models import Authority, IssuedCertificate


def certificates(actor: Actor) -> QuerySet[IssuedCertificate]:
    """The signed leaves that the actor may see: those of services in visible namespaces."""
    visible = actor.visible_namespaces()
    if visible is None:
        return IssuedCertificate.objects.all()
    none = Q(pk__in=())
    return IssuedCertificate.objects.filter(reduce(or_, (Q(identity__startswith=_within(ns)) for ns in visible), none))


def authorities() -> list[Authority]:
    """The certificates that sign now."""
    return list(Authority.objects.filter(state=Authority.State.ACTIVE).order_by("id"))


def _within(namespace: str) -> str:
    return f"spiffe://{settings.MESHUI.trust_domain}/ns/{namespace}/svc/"
