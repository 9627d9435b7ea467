"""Policies and mTLS beside what was observed: usage, the matrix, who still speaks plaintext."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.api.fields import NamespaceFilter
from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, View, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.mesh.policies import Mtls
from meshui.security.matrix import matrix
from meshui.security.plaintext import plaintext
from meshui.telemetry.api.queries import MAX_WINDOW_S, Duration, seconds
from meshui.telemetry.usage import policy_usage


class ObservedQuery(Body, frozen=True, kw_only=True):
    """Up to fifteen minutes from one-second frames; beyond, from ten-second rollups."""

    window: Duration = "5m"

    @property
    def window_s(self) -> int:
        return seconds("window", self.window, MAX_WINDOW_S)


class PolicyUsageQuery(ObservedQuery, frozen=True, kw_only=True):
    service: Annotated[str, Meta(max_length=127)] = ""


class MatrixQuery(ObservedQuery, frozen=True, kw_only=True):
    """``namespace`` is of the called services."""

    namespace: NamespaceFilter = ""


class UsedPolicy(View, frozen=True, kw_only=True):
    """``policy`` is empty where the default action decided, or several allow policies did not match. Those of the
    shadow are what a policy in shadow mode would have denied, and allowed; ``failed`` are external checks that had no
    answer."""

    service: str
    policy: str
    allowed: int
    denied: int
    shadow_denied: int
    shadow_allowed: int
    failed: int


class PoliciesUsed(View, frozen=True, kw_only=True):
    """``covered_s`` is how much of the window was observed."""

    window_s: int
    covered_s: float
    policies: list[UsedPolicy]


class MatrixDestination(View, frozen=True, kw_only=True):
    """``policy`` is what is said of a source that no rule names."""

    service: str
    policy: Literal["allowed", "denied", "conditional"]


class MatrixCell(View, frozen=True, kw_only=True):
    """``policy`` is what policies in force say of the pair, ``by`` are those that single the source out. ``why`` says
    how policy and traffic disagree: requests passed though they are denied, were denied though they are allowed, or
    somebody tries what is denied; `unused` is an allowance without requests, and no disagreement."""

    source: str
    destination: str
    policy: Literal["allowed", "denied", "conditional"]
    by: list[str]
    requests: int
    denied: int
    disagrees: bool
    why: Literal["", "passed_though_denied", "denied_though_allowed", "denied_attempts", "unused"]


class MatrixView(View, frozen=True, kw_only=True):
    """A pair without a cell had no requests, and is as its destination says. The source ``unknown`` is whoever has no
    identity of the mesh."""

    window_s: int
    covered_s: float
    sources: list[str]
    destinations: list[MatrixDestination]
    cells: list[MatrixCell]


class PlaintextEdgeView(View, frozen=True, kw_only=True):
    """``source`` is `unknown` outside the mesh, `hidden` where you may not view it. Of a tcp service connections are
    counted."""

    source: str
    destination: str
    requests: int
    plaintext: int
    secured_share: float


class MigrationView(View, frozen=True, kw_only=True):
    """``safe_to_make_strict`` is null where the service is strict. ``unproxied`` instances have no sidecar: whatever
    its mode, they are spoken to in plaintext."""

    service: str
    mtls: Mtls
    requests: int
    plaintext: int
    unproxied: int
    safe_to_make_strict: bool | None
    reason: str


class PlaintextView(View, frozen=True, kw_only=True):
    window_s: int
    covered_s: float
    edges: list[PlaintextEdgeView]
    services: list[MigrationView]


class Usage(Endpoint):
    @operation("policies_usage", query=PolicyUsageQuery, answer=PoliciesUsed)
    def get(self, request: Request) -> Response:
        """What policies decided lately, for services that one may view."""
        asked = query(request, PolicyUsageQuery)
        used = policy_usage(window_s=asked.window_s, service=asked.service)
        may_view = _viewer(actor_of(request))
        return Response(
            PoliciesUsed(
                window_s=asked.window_s,
                covered_s=used.covered_s,
                policies=[
                    UsedPolicy(
                        service=service,
                        policy=policy,
                        allowed=counts[0],
                        denied=counts[1],
                        shadow_denied=counts[2],
                        shadow_allowed=counts[3],
                        failed=counts[4],
                    )
                    for (service, policy), counts in sorted(used.counts.items())
                    if may_view(service)
                ],
            )
        )


class Matrix(Endpoint):
    @operation("policies_matrix", query=MatrixQuery, answer=MatrixView)
    def get(self, request: Request) -> Response:
        """What policies say of each pair of services, beside what was observed."""
        asked = query(request, MatrixQuery)
        found = matrix(actor=actor_of(request), window_s=asked.window_s, namespace=asked.namespace)
        return Response(
            MatrixView(
                window_s=found.window_s,
                covered_s=found.covered_s,
                sources=list(found.sources),
                destinations=[MatrixDestination(service=name, policy=policy) for name, policy in found.destinations],
                cells=[
                    MatrixCell(
                        source=cell.source,
                        destination=cell.destination,
                        policy=cell.policy,
                        by=list(cell.by),
                        requests=cell.requests,
                        denied=cell.denied,
                        disagrees=cell.why not in ("", "unused"),
                        why=cell.why,
                    )
                    for cell in found.cells
                ],
            )
        )


class Plaintext(Endpoint):
    @operation("mtls_plaintext", query=ObservedQuery, answer=PlaintextView)
    def get(self, request: Request) -> Response:
        """Who still speaks plaintext to whom, and which services could be made strict."""
        found = plaintext(actor=actor_of(request), window_s=query(request, ObservedQuery).window_s)
        return Response(
            PlaintextView(
                window_s=found.window_s,
                covered_s=found.covered_s,
                edges=[
                    PlaintextEdgeView(
                        source=edge.source,
                        destination=edge.destination,
                        requests=edge.requests,
                        plaintext=edge.plaintext,
                        secured_share=round(1 - edge.plaintext / edge.requests, 4),
                    )
                    for edge in found.edges
                ],
                services=[
                    MigrationView(
                        service=each.service,
                        mtls=each.mtls,
                        requests=each.requests,
                        plaintext=each.plaintext,
                        unproxied=each.unproxied,
                        safe_to_make_strict=each.safe_to_make_strict,
                        reason=each.reason,
                    )
                    for each in found.services
                ],
            )
        )


def _viewer(actor: Actor) -> Callable[[str], bool]:
    visible = actor.visible_namespaces()
    return lambda service: visible is None or service.partition("/")[0] in visible
