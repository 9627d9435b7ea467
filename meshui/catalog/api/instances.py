"""``services/{ns}/{name}/instances/``"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog import selectors
from meshui.catalog.api.fields import VersionLabel
from meshui.catalog.api.shapes import InstanceView, InstanceWritten, instance_view
from meshui.catalog.models import Instance
from meshui.catalog.services import instance_deregister, instance_heartbeat, instance_register
from meshui.catalog.services.instances import DEFAULT_TTL_S
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Reason, WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, expected_version
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.core.commits import Outcome


class InstanceBody(Body, frozen=True, kw_only=True):
    """``id`` is made up when it is left out. ``ttl_s``: seconds without a heartbeat until it is critical."""

    address: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)]
    version: VersionLabel
    id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = ""
    ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = DEFAULT_TTL_S
    reason: Reason = ""


class Instances(Endpoint):
    writes = "catalog.write"

    @operation("instances", query=ListQuery, answer=Page[InstanceView])
    def get(self, request: Request, ns: str, name: str) -> Response:
        """The instances of a service."""
        rows = selectors.instances(selectors.get_service(f"{ns}/{name}"))
        return Response(page(request, rows, query(request, ListQuery), instance_view))

    @operation("instance_register", body=InstanceBody, query=WriteQuery, answer=InstanceWritten, status=201)
    def post(self, request: Request, ns: str, name: str) -> Response:
        """Register an instance that sends its own heartbeats. One behind a sidecar comes with its proxy."""
        sent = body(request, InstanceBody)
        done = instance_register(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            version=sent.version,
            address=sent.address,
            port=sent.port,
            instance_id=sent.id,
            ttl_s=sent.ttl_s,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _written(done, status=201)


class OneInstance(Endpoint):
    writes = "catalog.write"

    @operation("instance", answer=InstanceView)
    def get(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """One instance."""
        row = selectors.get_instance(f"{ns}/{name}", instance)
        return answer(instance_view(row), version=selectors.instance_version(row))

    @operation("instance_deregister", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """Take it out of the registry."""
        asked = query(request, DeleteQuery)
        instance_deregister(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            instance_id=instance,
            reason=asked.reason,
            expected_version=expected_version(request),
            dry_run=asked.dry_run,
        )
        return Response(status=204)


class Heartbeat(Endpoint):
    writes = "catalog.write"

    @operation("instance_heartbeat", answer=InstanceWritten)
    def put(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """The instance lives. A critical one is passing again, which is a revision."""
        return _written(instance_heartbeat(actor=actor_of(request), service=f"{ns}/{name}", instance_id=instance))


def _written(done: Outcome[Instance], status: int = 200) -> Response:
    shown = extended(InstanceWritten, instance_view(done.value), revision=done.revision)
    return answer(shown, version=selectors.instance_version(done.value), status=status)
