"""Gateways: which hosts they serve and where each leads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshui.catalog.models import Service
from meshui.catalog.selectors import get_service
from meshui.catalog.services import service_insert, service_remove
from meshui.core.actors import Actor
from meshui.core.commits import Commit, Outcome, commit
from meshui.core.errors import Conflict, FieldError, InvalidInput, NotFound
from meshui.core.versions import expect
from meshui.traffic.models import GatewayHost
from meshui.traffic.selectors import find_gateway, gateway_version, get_gateway, hosts_of
from meshui.traffic.services.common import touch

HOST = re.compile(r"\*|(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
MAX_HOSTS = 500
VERSION = "v1"
"""A gateway is not split: all its proxies are of this one version."""


@dataclass(frozen=True, slots=True)
class HostRule:
    """``host`` is a name, ``*.suffix`` or ``*``; ``service`` is ``namespace/name``."""

    host: str
    service: str


def gateway_put(
    *,
    actor: Actor,
    gateway: str,
    hosts: Sequence[HostRule],
    new: bool = False,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[Service]:
    """Set all hosts of a gateway, made where there is none yet; with ``new``, one that exists is a Conflict.

    Raises PermissionDenied, NotFound (its namespace), Stale, Conflict, InvalidInput (a host, a service).
    """
    namespace = gateway.partition("/")[0]
    actor.require("traffic.write", namespace)
    with commit(
        actor=actor,
        action="gateway.set",
        obj=f"gateway:{gateway}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = find_gateway(gateway)
        if row is not None and new:
            raise Conflict(f"gateway {gateway} exists")
        if row is not None:
            expect(expected_version, gateway_version(row))
        targets = _targets(actor, hosts)
        before = hosts_of(row) if row else None
        after = {rule.host: rule.service for rule in hosts}
        if row is not None and before == after:
            change.unchanged()
            return Outcome(row, None)
        row = row or service_insert(change, gateway, Service.Kind.GATEWAY, [VERSION])
        _replace(change, row, targets)
        change.summary = _difference(before or {}, after)
        change.before = None if before is None else {"hosts": before}
        change.after = {"hosts": after}
        row = get_gateway(gateway)
    return Outcome(row, change.revision)


def gateway_delete(
    *, actor: Actor, gateway: str, reason: str = "", expected_version: str | None = None, dry_run: bool = False
) -> int | None:
    """Delete it with its proxies; the revision. Raises PermissionDenied, NotFound, Stale."""
    namespace = gateway.partition("/")[0]
    actor.require("traffic.write", namespace)
    with commit(
        actor=actor,
        action="gateway.delete",
        obj=f"gateway:{gateway}",
        namespace=namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = get_gateway(gateway)
        expect(expected_version, gateway_version(row))
        change.summary = f"deleted gateway {gateway}"
        change.before = {"hosts": hosts_of(row)}
        service_remove(change, row)
    return change.revision


def _targets(actor: Actor, hosts: Sequence[HostRule]) -> dict[str, Service]:
    """The service of each host. Raises InvalidInput with every host at fault."""
    targets: dict[str, Service] = {}
    errors = list(_host_errors(hosts))
    for index, rule in enumerate(hosts):
        try:
            # A service that the actor may not view is as unknown to it as one that is not there.
            actor.require_visible(rule.service.partition("/")[0])
            targets[rule.host] = target = get_service(rule.service)
            if target.protocol == "tcp":
                speaks = f"{rule.service} is a tcp service, and a gateway speaks HTTP"
                errors.append(FieldError(f"hosts.{index}.service", "http_only", speaks))
        except NotFound:
            errors.append(FieldError(f"hosts.{index}.service", "unknown_service", f"no service {rule.service}"))
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)
    return targets


def _host_errors(hosts: Sequence[HostRule]) -> Iterator[FieldError]:
    if len(hosts) > MAX_HOSTS:
        yield FieldError("hosts", "too_many", f"{len(hosts)} hosts, at most {MAX_HOSTS}")
    seen: set[str] = set()
    for index, rule in enumerate(hosts):
        if len(rule.host) > 253 or not HOST.fullmatch(rule.host):
            yield FieldError(f"hosts.{index}.host", "invalid", "expected a name in lower case, *.suffix or *")
        if rule.host in seen:
            yield FieldError(f"hosts.{index}.host", "duplicate", f"{rule.host} stands there twice")
        seen.add(rule.host)


def _replace(change: Commit, gateway: Service, targets: Mapping[str, Service]) -> None:
    GatewayHost.objects.filter(gateway=gateway).delete()
    GatewayHost.objects.bulk_create(
        GatewayHost(gateway=gateway, host=host, service=service) for host, service in targets.items()
    )
    touch(gateway, change.revision)
    for proxy_id in gateway.proxies.values_list("pk", flat=True):
        change.dirty("proxy", proxy_id)


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    parts = [f"{host} -> {service}" for host, service in after.items() if before.get(host) != service]
    parts += [f"- {host}" for host in before if host not in after]
    return ", ".join(parts) or "no hosts"
