"""Reads of the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from meshui.catalog.models import Instance, JoinToken, Namespace, Service, Version
from meshui.core.actors import Actor
from meshui.core.errors import InvalidInput, NotFound
from meshui.core.versions import etag

OBSERVED_KEY = "catalog:observed"
OBSERVED_GAP = timedelta(seconds=5)
"""The longest silence of the collector that still counts as listening without a break."""


# --- namespaces and services ------------------------------------------------------------------------------------


def namespaces(actor: Actor) -> QuerySet[Namespace]:
    """The namespaces that the actor may view, each with ``service_count``."""
    visible = actor.visible_namespaces()
    rows = Namespace.objects.annotate(service_count=Count("services", filter=Q(services__kind=Service.Kind.HTTP)))
    return rows if visible is None else rows.filter(name__in=visible)


def get_namespace(name: str) -> Namespace:
    """Raises NotFound."""
    row = Namespace.objects.filter(name=name).first()
    if row is None:
        raise NotFound(f"no namespace {name}")
    return row


def namespace_version(row: Namespace) -> str:
    return etag([row.pk, row.name, row.description])


def services() -> QuerySet[Service]:
    """Services with what their full name and split need."""
    return Service.objects.select_related("namespace").prefetch_related("versions")


def services_shown(actor: Actor, *, namespace: str = "", search: str = "") -> QuerySet[Service]:
    """The services that the actor may view, with the counts that an overview shows on each version."""
    visible = actor.visible_namespaces()
    rows = _with_counts(Service.objects.filter(kind=Service.Kind.HTTP))
    if visible is not None:
        rows = rows.filter(namespace__name__in=visible)
    if namespace:
        rows = rows.filter(namespace__name=namespace)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(namespace__name__icontains=search))
    return rows


def get_service_shown(name: str) -> Service:
    """One service with the counts of its versions. Raises NotFound."""
    namespace, _, short = name.partition("/")
    row = _with_counts(Service.objects.filter(kind=Service.Kind.HTTP, namespace__name=namespace, name=short)).first()
    if row is None:
        raise NotFound(f"no service {name}")
    return row


def counted_versions() -> QuerySet[Version]:
    """Versions with ``instance_count`` and ``healthy_count``."""
    return Version.objects.order_by("name").annotate(
        instance_count=Count("instances"),
        healthy_count=Count("instances", filter=Q(instances__status=Instance.Status.PASSING)),
    )


def _with_counts(rows: QuerySet[Service]) -> QuerySet[Service]:
    return rows.select_related("namespace").prefetch_related(Prefetch("versions", queryset=counted_versions()))


def get_service(name: str, *, kind: Service.Kind = Service.Kind.HTTP) -> Service:
    """One service by ``namespace/name``. Raises NotFound."""
    namespace, _, short = name.partition("/")
    row = services().filter(namespace__name=namespace, name=short, kind=kind).first()
    if row is None:
        raise NotFound(f"no {'gateway' if kind == Service.Kind.GATEWAY else 'service'} {name}")
    return row


def get_workload(name: str) -> Service:
    """One service or gateway: whatever a proxy can stand for. Raises NotFound."""
    namespace, _, short = name.partition("/")
    row = services().filter(namespace__name=namespace, name=short).first()
    if row is None:
        raise NotFound(f"no service {name}")
    return row


def service_version(row: Service) -> str:
    """The version of what a person edits of the service itself; its split and routes have their own."""
    return etag([row.pk, row.description, sorted(version.name for version in row.versions.all())])


def get_version(service: Service, name: str, path: str = "version") -> Version:
    """Raises InvalidInput at ``path``: a version is named in a body."""
    for version in service.versions.all():
        if version.name == name:
            return version
    raise InvalidInput.field(path, "unknown_version", f"{name!r} is no version of {service}")


# --- instances --------------------------------------------------------------------------------------------------


def instances(service: Service) -> QuerySet[Instance]:
    return Instance.objects.filter(service=service).select_related("version")


def get_instance(service: str, instance_id: str) -> Instance:
    """Raises NotFound."""
    namespace, _, short = service.partition("/")
    rows = Instance.objects.select_related("version", "service__namespace")
    row = rows.filter(pk=instance_id, service__namespace__name=namespace, service__name=short).first()
    if row is None:
        raise NotFound(f"no instance {instance_id} of {service}")
    return row


def instance_version(row: Instance) -> str:
    """Of what identifies it; heartbeats change nothing here."""
    return etag([row.pk, row.address, row.port, row.version_id])


@dataclass(frozen=True, slots=True)
class Observation:
    """The stretch of time in which the collector has been reading reports without a break."""

    since: datetime
    until: datetime


def registry_observation(now: datetime) -> Observation | None:
    """The current stretch; None where the last one has ended, or nobody remembers it."""
    seen: Any = cache.get(OBSERVED_KEY)
    if not isinstance(seen, Observation) or now - seen.until > OBSERVED_GAP:
        return None
    return seen


def registry_observed_since(now: datetime | None = None) -> datetime | None:
    """Since when silence of a proxy has been heard; None while nobody listens."""
    seen = registry_observation(now or timezone.now())
    return seen.since if seen else None


# --- join tokens ------------------------------------------------------------------------------------------------


def join_tokens(actor: Actor) -> QuerySet[JoinToken]:
    """The tokens of the services that the actor may view."""
    visible = actor.visible_namespaces()
    rows = JoinToken.objects.select_related("service__namespace", "version")
    return rows if visible is None else rows.filter(service__namespace__name__in=visible)


def join_token_state(row: JoinToken) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.uses_left == 0:
        return "used"
    return "expired" if row.expires_at <= timezone.now() else "active"
