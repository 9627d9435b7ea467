"""Services and their versions. How their traffic is split and routed is decided in ``meshui.traffic``."""

from __future__ import annotations

from collections.abc import Sequence

from meshui.catalog.models import CALLED, Service, Version
from meshui.catalog.selectors import counted_versions, get_namespace, get_service, get_service_shown, service_version
from meshui.core.actors import Actor
from meshui.core.commits import Commit, Outcome, commit
from meshui.core.errors import Conflict, InvalidInput
from meshui.core.versions import expect
from meshui.mesh.names import VERSION, ServiceName
from proxies.wire.resources import Protocol

PER_SERVICE = ("service", "endpoints", "inbound")
"""The wire resources that a service that is called has of its own."""


def service_create(
    *,
    actor: Actor,
    service: str,
    versions: Sequence[str] = ("v1",),
    protocol: Protocol = "http",
    port: int | None = None,
    description: str = "",
    reason: str = "",
    dry_run: bool = False,
) -> Outcome[Service]:
    """Create ``namespace/name`` with its versions; the first takes all the traffic. A ``tcp`` service has a ``port``,
    an ``http`` one is called by its name.

    Raises PermissionDenied, NotFound (namespace), InvalidInput, Conflict (the name is taken).
    """
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    _check_versions(versions)
    _check_port(protocol, port)
    with commit(
        actor=actor,
        action="service.create",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = service_insert(change, service, Service.Kind(protocol), versions, description, port)
        change.summary = f"created service {service}"
        change.after = {"description": description, "versions": list(versions), "protocol": protocol, "port": port}
        row = get_service_shown(service)
    return Outcome(row, change.revision)


def service_insert(
    change: Commit,
    service: str,
    kind: Service.Kind,
    versions: Sequence[str],
    description: str = "",
    port: int | None = None,
) -> Service:
    """Insert the rows, within a commit. Raises NotFound (namespace), InvalidInput (its name), Conflict."""
    try:
        name = ServiceName.parse(service)
    except ValueError as error:
        raise InvalidInput.field("name", "invalid", str(error)) from None
    namespace = get_namespace(name.namespace)
    if Service.objects.filter(namespace=namespace, name=name.name).exists():
        raise Conflict(f"{service} exists")
    row = Service.objects.create(
        namespace=namespace,
        name=name.name,
        kind=kind,
        port=port,
        description=description,
        revision=change.revision or 0,
    )
    Version.objects.bulk_create(
        Version(service=row, name=version, weight=0 if index else 100) for index, version in enumerate(versions)
    )
    _dirty(change, row)
    return row


def service_update(
    *,
    actor: Actor,
    service: str,
    description: str,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[Service]:
    """Change its description. Raises PermissionDenied, NotFound, Stale."""
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    with commit(
        actor=actor,
        action="service.update",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service_shown(service)
        expect(expected_version, service_version(row))
        if row.description == description:
            change.unchanged()
            return Outcome(row, None)
        change.summary = "changed the description"
        change.before, change.after = {"description": row.description}, {"description": description}
        row.description = description
        if change.revision is not None:
            row.revision = change.revision
        row.save(update_fields=["description", "revision", "updated_at"])
    return Outcome(row, change.revision)


def service_delete(
    *,
    actor: Actor,
    service: str,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> int | None:
    """Delete it with its versions, instances and proxies; the revision.

    Raises PermissionDenied, NotFound, Stale, Conflict (a gateway leads to it).
    """
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    with commit(
        actor=actor,
        action="service.delete",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        expect(expected_version, service_version(row))
        if leading := sorted({str(host.gateway) for host in row.gateway_hosts.select_related("gateway__namespace")}):
            raise Conflict(f"{', '.join(leading)} leads to {service}", code="in_use")
        if hasattr(row, "rules") and row.rules.owner:
            raise Conflict(f"{row.rules.owner.replace(':', ' ')} of {service} is active", code="owned_by_rollout")
        change.summary = f"deleted service {service}"
        change.before = {"description": row.description, "versions": [version.name for version in row.versions.all()]}
        service_remove(change, row)
    return change.revision


def service_remove(change: Commit, row: Service) -> None:
    """Delete the rows of a service or gateway and all that belongs to it, within a commit."""
    for proxy_id in row.proxies.values_list("pk", flat=True):
        change.dirty("proxy", proxy_id)
    _dirty(change, row)
    # Before its versions, which they protect.
    row.instances.all().delete()
    row.proxies.all().delete()
    row.delete()


def version_create(
    *, actor: Actor, service: str, version: str, reason: str = "", dry_run: bool = False
) -> Outcome[Version]:
    """Add a version. It gets no traffic, unless it is the first. Raises PermissionDenied, NotFound, Conflict."""
    namespace = service.partition("/")[0]
    actor.require("catalog.write", namespace)
    if not VERSION.fullmatch(version):
        raise InvalidInput.field("name", "invalid", "expected a-z, 0-9, - and ., at most 63")
    with commit(
        actor=actor,
        action="version.create",
        obj=f"service:{service}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_service(service)
        known = {known.name for known in row.versions.all()}
        if version in known:
            raise Conflict(f"{service} has a version {version}")
        created = Version.objects.create(service=row, name=version, weight=0 if known else 100)
        if change.revision is not None:
            row.revision = change.revision
            row.save(update_fields=["revision", "updated_at"])
        change.summary = f"added version {version}"
        change.after = {"version": version}
        change.dirty("service", service)
        created = counted_versions().get(pk=created.pk)
    return Outcome(created, change.revision)


def _check_versions(versions: Sequence[str]) -> None:
    if not versions:
        raise InvalidInput.field("versions", "required", "a service has at least one version")
    for index, version in enumerate(versions):
        if not VERSION.fullmatch(version):
            raise InvalidInput.field(f"versions.{index}", "invalid", "expected a-z, 0-9, - and ., at most 63")
        if version in versions[:index]:
            raise InvalidInput.field(f"versions.{index}", "duplicate", f"{version} stands there twice")


def _check_port(protocol: Protocol, port: int | None) -> None:
    if protocol == "tcp" and port is None:
        raise InvalidInput.field("port", "required", "a tcp service has a port")
    if protocol == "http" and port is not None:
        raise InvalidInput.field("port", "tcp_only", "an http service is called by its name")
    if port is not None and not 0 < port < 65536:
        raise InvalidInput.field("port", "range", "expected 1 to 65535")


def _dirty(change: Commit, service: Service) -> None:
    """What a service's coming or going changes; of a gateway, which nobody calls, only how it receives."""
    if service.kind not in CALLED:
        change.dirty("inbound", service)
        return
    for kind in PER_SERVICE:
        change.dirty(kind, service)
    change.dirty("directory")
