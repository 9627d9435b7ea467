"""``services/{ns}/{name}/instances/``"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog import selectors
from meshui.catalog.api.fields import Metadata, VersionLabel
from meshui.catalog.api.shapes import InstanceView, InstanceWritten, instance_view
from meshui.catalog.checks import Check
from meshui.catalog.models import Instance
from meshui.catalog.services import (
    instance_deregister,
    instance_drain,
    instance_heartbeat,
    instance_register,
    instance_update,
)
from meshui.catalog.services.instances import DEFAULT_TTL_S
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Reason, WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.core.commits import Outcome
from meshui.core.errors import InvalidInput
from proxies.wire.base import Locality, Weight


class InstanceBody(Body, frozen=True, kw_only=True):
    """``id`` is made up when it is left out. ``ttl_s``: seconds without a heartbeat until it is critical, where no
    check sends it probes. ``check`` goes before the service's. ``weight`` is among the instances of its version,
    ``locality`` a path such as ``region/zone``: callers prefer those that are near."""

    address: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)]
    version: VersionLabel
    id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = ""
    ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = DEFAULT_TTL_S
    metadata: Metadata = {}
    weight: Weight = 100
    locality: Locality = ""
    check: Check | None = None
    reason: Reason = ""


class InstancePatch(Body, frozen=True, kw_only=True):
    """``metadata`` replaces all of it; what is null or left out stays."""

    metadata: Metadata | None = None
    weight: Weight | None = None
    reason: Reason = ""


class DrainingBody(Body, frozen=True, kw_only=True):
    draining: bool
    reason: Reason = ""


class InstanceQuery(ListQuery, frozen=True, kw_only=True):
    status: Literal["", "passing", "critical"] = ""
    version: Annotated[str, Meta(max_length=63)] = ""
    draining: bool | None = None
    metadata: Annotated[
        str,
        Meta(max_length=1000, description="`key=value`, joined by commas: instances that have all of them."),
    ] = ""


class Instances(Endpoint):
    writes = "catalog.write"

    @operation("instances", query=InstanceQuery, answer=Page[InstanceView])
    def get(self, request: Request, ns: str, name: str) -> Response:
        """The instances of a service."""
        asked = query(request, InstanceQuery)
        rows = selectors.instances(
            selectors.get_service(f"{ns}/{name}"),
            status=asked.status,
            version=asked.version,
            draining=asked.draining,
            metadata=_pairs(asked.metadata),
        )
        return Response(page(request, rows, asked, instance_view))

    @operation("instance_register", body=InstanceBody, query=WriteQuery, answer=InstanceWritten, status=201)
    def post(self, request: Request, ns: str, name: str) -> Response:
        """Register an instance that sends its own heartbeats, or is sent probes by a check. One behind a sidecar comes
        with its proxy."""
        sent = body(request, InstanceBody)
        done = instance_register(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            version=sent.version,
            address=sent.address,
            port=sent.port,
            instance_id=sent.id,
            ttl_s=sent.ttl_s,
            metadata=sent.metadata,
            weight=sent.weight,
            locality=sent.locality,
            check=sent.check,
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

    @operation("instance_update", body=InstancePatch, query=WriteQuery, answer=InstanceWritten, conditional=True)
    def patch(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """Replace its metadata, or its weight."""
        sent = body(request, InstancePatch)
        done = instance_update(
            service=f"{ns}/{name}",
            instance_id=instance,
            metadata=sent.metadata,
            weight=sent.weight,
            **conditions(request, sent.reason),
        )
        return _written(done)

    @operation("instance_deregister", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """Take it out of the registry; 409 for one behind a proxy, which comes and goes with that."""
        instance_deregister(
            service=f"{ns}/{name}",
            instance_id=instance,
            **deletion(request),
        )
        return Response(status=204)


class Heartbeat(Endpoint):
    writes = "catalog.write"

    @operation("instance_heartbeat", answer=InstanceWritten)
    def put(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """The instance lives. One that was critical for its silence is passing again, which is a revision."""
        return _written(instance_heartbeat(actor=actor_of(request), service=f"{ns}/{name}", instance_id=instance))


class Draining(Endpoint):
    writes = "catalog.write"

    @operation("instance_drain", body=DrainingBody, query=WriteQuery, answer=InstanceWritten)
    def put(self, request: Request, ns: str, name: str, instance: str) -> Response:
        """Give it no new requests (true), or some again (false). What is under way ends by itself."""
        sent = body(request, DrainingBody)
        done = instance_drain(
            actor=actor_of(request),
            service=f"{ns}/{name}",
            instance_id=instance,
            draining=sent.draining,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _written(done)


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(key and equals for key, equals, _ in pairs):
        raise InvalidInput.field("metadata", "invalid", "expected key=value, several joined by commas")
    return {key: value for key, _, value in pairs}


def _written(done: Outcome[Instance], status: int = 200) -> Response:
    shown = extended(InstanceWritten, instance_view(done.value), revision=done.revision)
    return answer(shown, version=selectors.instance_version(done.value), status=status)
