"""Reads of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from meshui.catalog.checks import ACTIVE_KINDS
from meshui.catalog.models import CALLED, Instance, JoinToken, Namespace, Service, Version
from meshui.core.actors import Actor
from meshui.core.errors import InvalidInput, NotFound
from meshui.core.versions import etag

HEARTBEATS_HEARD = "catalog:observed"
"""That the collector reads proxies' reports."""
CHECKS_RUN = "catalog:checked"
"""That the checker sends probes."""
OBSERVED_GAP = timedelta(seconds=5)
"""The longest silence of a watcher that still counts as watching without a break."""


# --- namespaces and services ------------------------------------------------------------------------------------


def namespaces(actor: Actor) -> QuerySet[Namespace]:
    """The namespaces that the actor may view, each with ``service_count``."""
    visible = actor.visible_namespaces()
    rows = Namespace.objects.annotate(service_count=Count("services", filter=Q(services__kind__in=CALLED)))
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
    rows = _with_counts(Service.objects.filter(kind__in=CALLED))
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
    row = _with_counts(Service.objects.filter(kind__in=CALLED, namespace__name=namespace, name=short)).first()
    if row is None:
        raise NotFound(f"no service {name}")
    return row


def counted_versions() -> QuerySet[Version]:
    """Versions with ``instance_count``, ``healthy_count`` and ``draining_count``."""
    return Version.objects.order_by("name").annotate(
        instance_count=Count("instances"),
        healthy_count=Count("instances", filter=Q(instances__status=Instance.Status.PASSING)),
        draining_count=Count("instances", filter=Q(instances__draining=True)),
    )


def _with_counts(rows: QuerySet[Service]) -> QuerySet[Service]:
    return rows.select_related("namespace").prefetch_related(Prefetch("versions", queryset=counted_versions()))


def get_service(name: str) -> Service:
    """One service that is called, by ``namespace/name``. Raises NotFound."""
    namespace, _, short = name.partition("/")
    row = services().filter(namespace__name=namespace, name=short, kind__in=CALLED).first()
    if row is None:
        raise NotFound(f"no service {name}")
    return row


def find_workload(name: str) -> Service | None:
    """One service or gateway, where there is one."""
    namespace, _, short = name.partition("/")
    return services().filter(namespace__name=namespace, name=short).first()


def get_workload(name: str) -> Service:
    """One service or gateway: whatever a proxy can stand for. Raises NotFound."""
    row = find_workload(name)
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


def instances(
    service: Service,
    *,
    status: str = "",
    version: str = "",
    draining: bool | None = None,
    metadata: Mapping[str, str] | None = None,
) -> QuerySet[Instance]:
    """The instances of a service; those alone that have all of ``metadata``."""
    rows = Instance.objects.filter(service=service).select_related("version", "service")
    if status:
        rows = rows.filter(status=status)
    if version:
        rows = rows.filter(version__name=version)
    if draining is not None:
        rows = rows.filter(draining=draining)
    if metadata:
        rows = rows.filter(metadata__contains=dict(metadata))
    return rows


def get_instance(service: str, instance_id: str) -> Instance:
    """Raises NotFound."""
    namespace, _, short = service.partition("/")
    rows = Instance.objects.select_related("version", "service__namespace")
    row = rows.filter(pk=instance_id, service__namespace__name=namespace, service__name=short).first()
    if row is None:
        raise NotFound(f"no instance {instance_id} of {service}")
    return row


def instance_version(row: Instance) -> str:
    """Of what identifies and describes it; heartbeats change nothing here."""
    return etag([row.pk, row.address, row.port, row.version_id, row.weight, row.locality, row.metadata])


def actively_checked() -> QuerySet[Instance]:
    """The instances that are sent probes, by a check of their own or their service's."""
    own = Q(health_check__kind__in=ACTIVE_KINDS)
    inherited = Q(health_check__isnull=True, service__health_check__kind__in=ACTIVE_KINDS)
    return Instance.objects.filter(own | inherited)


def is_actively_checked(row: Instance) -> bool:
    """The same of one row with its service."""
    check = row.service.health_check if row.health_check is None else row.health_check
    return check is not None and check["kind"] in ACTIVE_KINDS


def health_check_version(owner: Service | Instance) -> str:
    return etag([owner.pk, owner.health_check])


# --- what was watched -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observation:
    """The stretch of time in which something has been watched without a break."""

    since: datetime
    until: datetime


def observe(what: str, now: datetime) -> None:
    """Note that it is being watched now: the current stretch goes on, or a new one begins."""
    seen = _observation(what, now)
    cache.set(what, Observation(since=seen.since if seen else now, until=now), timeout=None)


def observed_since(what: str, now: datetime | None = None) -> datetime | None:
    """Since when it has been watched without a break; None where the last stretch has ended, or nobody remembers it."""
    seen = _observation(what, now or timezone.now())
    return seen.since if seen else None


def _observation(what: str, now: datetime) -> Observation | None:
    seen: Any = cache.get(what)
    return seen if isinstance(seen, Observation) and now - seen.until <= OBSERVED_GAP else None


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
