"""``health-check/`` of a service, and of one of its instances."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog import selectors
from meshui.catalog.api.shapes import HealthCheckView, HealthCheckWritten, health_check_view
from meshui.catalog.checks import Check
from meshui.catalog.models import Instance, Service
from meshui.catalog.services import health_check_set
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, expected_version
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation


class HealthCheckBody(Body, frozen=True, kw_only=True):
    """``check`` of null removes it."""

    check: Check | None
    reason: Reason = ""


class ServiceHealthCheck(Endpoint):
    writes = "catalog.write"

    @operation("health_check", answer=HealthCheckView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """How the instances of a service are checked that have no check of their own."""
        return _shown(selectors.get_service(f"{ns}/{name}"))

    @operation("health_check_set", body=HealthCheckBody, query=WriteQuery, answer=HealthCheckWritten, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set or remove it."""
        return _set(request, f"{ns}/{name}")


class InstanceHealthCheck(Endpoint):
    writes = "catalog.write"

    @operation("instance_health_check", answer=HealthCheckView)
    def get(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """The instance's own check, in place of its service's."""
        return _shown(selectors.get_instance(f"{ns}/{name}", instance))

    @operation(
        "instance_health_check_set",
        body=HealthCheckBody,
        query=WriteQuery,
        answer=HealthCheckWritten,
        conditional=True,
    )
    def put(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """Set or remove it."""
        return _set(request, f"{ns}/{name}", instance)


def _shown(owner: Service | Instance) -> Response:
    return answer(health_check_view(owner), version=selectors.health_check_version(owner))


def _set(request: Request, service: str, instance: str = "") -> Response:
    sent = body(request, HealthCheckBody)
    done = health_check_set(
        actor=actor_of(request),
        service=service,
        instance_id=instance,
        check=sent.check,
        reason=sent.reason,
        expected_version=expected_version(request),
        dry_run=query(request, WriteQuery).dry_run,
    )
    shown = extended(HealthCheckWritten, health_check_view(done.value), revision=done.revision)
    return answer(shown, version=selectors.health_check_version(done.value))
