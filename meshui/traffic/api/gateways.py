"""``gateways/``: which hosts each serves and where they lead."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.models import Service
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, WriteQuery, body, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import Page, page
from meshui.core.commits import Outcome
from meshui.traffic import selectors
from meshui.traffic.api.bodies import GatewayBody, GatewayHostsBody, GatewayQuery, GatewayView, HostBody, HostView
from meshui.traffic.services import HostRule, gateway_delete, gateway_put


class Gateways(Endpoint):
    writes = "traffic.write"

    @operation("gateways", query=GatewayQuery, answer=Page[GatewayView])
    def get(self, request: Request) -> Response:
        """The gateways of the namespaces that one may view."""
        asked = query(request, GatewayQuery)
        rows = selectors.gateways(actor_of(request), namespace=asked.namespace)
        return Response(page(request, rows, asked, _view, fields=["namespace__name", "name"]))

    @operation("gateway_create", body=GatewayBody, query=WriteQuery, answer=GatewayView, status=201)
    def post(self, request: Request) -> Response:
        """A new gateway. Its proxies join with a token for it."""
        sent = body(request, GatewayBody)
        done = gateway_put(
            actor=actor_of(request),
            gateway=f"{sent.namespace}/{sent.name}",
            hosts=_rules(sent.hosts),
            new=True,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _written(done, status=201)


class OneGateway(Endpoint):
    writes = "traffic.write"

    @operation("gateway", answer=GatewayView)
    def get(self, request: Request, ns: str, name: str) -> Response:
        """One gateway."""
        row = selectors.get_gateway(f"{ns}/{name}")
        return answer(_view(row), version=selectors.gateway_version(row))

    @operation("gateway_set", body=GatewayHostsBody, query=WriteQuery, answer=GatewayView, conditional=True)
    def put(self, request: Request, ns: str, name: str) -> Response:
        """Set all its hosts."""
        sent = body(request, GatewayHostsBody)
        how = conditions(request, sent.reason)
        selectors.get_gateway(f"{ns}/{name}")
        done = gateway_put(gateway=f"{ns}/{name}", hosts=_rules(sent.hosts), **how)
        return _written(done)

    @operation("gateway_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, ns: str, name: str) -> Response:
        """Delete it with its proxies."""
        gateway_delete(
            gateway=f"{ns}/{name}",
            **deletion(request),
        )
        return Response(status=204)


def _rules(hosts: Sequence[HostBody]) -> list[HostRule]:
    return [HostRule(host=host.host, service=host.service) for host in hosts]


def _view(row: Service) -> GatewayView:
    name = row.full_name
    return GatewayView(
        id=str(name),
        namespace=name.namespace,
        name=name.name,
        hosts=[HostView(host=host, service=service) for host, service in selectors.hosts_of(row).items()],
        revision=row.revision,
    )


def _written(done: Outcome[Service], status: int = 200) -> Response:
    shown = msgspec.structs.replace(_view(done.value), revision=done.revision)
    return answer(shown, version=selectors.gateway_version(done.value), status=status)
