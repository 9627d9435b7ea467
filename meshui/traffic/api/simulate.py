"""``simulate/``: what a described request would meet."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.api.fields import ServiceId
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, View, body
from meshui.core.api.drafts import DraftPolicyBody
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.mesh.invariants import MAX_ROUTES
from meshui.mesh.values import RateLimit, Route, Timeouts
from meshui.traffic.api.bodies import Weights
from meshui.traffic.simulation import Asked, Draft, Met, simulate

HeaderName = Annotated[str, Meta(min_length=1, max_length=256)]
HeaderValue = Annotated[str, Meta(max_length=4096)]


class DraftBody(Body, frozen=True, kw_only=True):
    """What the service would have; null leaves what it has."""

    routes: Annotated[list[Route], Meta(min_length=1, max_length=MAX_ROUTES)] | None = None
    split: Weights | None = None


class SimulatedDraft(DraftBody, frozen=True, kw_only=True):
    """``policy`` stands in place of the access policy of its name, for its target."""

    policy: DraftPolicyBody | None = None


class SimulateBody(Body, frozen=True, kw_only=True):
    """``source`` is the service whose app calls, or the gateway that receives. ``path`` may have a query. At a gateway
    ``address`` is the client's and ``secured`` says that it came over TLS. With a ``draft`` the service that the host
    leads to has its routes and split instead of the ones desired now."""

    source: ServiceId
    host: Annotated[str, Meta(min_length=1, max_length=255)]
    method: Annotated[str, Meta(min_length=1, max_length=32)] = "GET"
    path: Annotated[str, Meta(min_length=1, max_length=8192)] = "/"
    headers: Annotated[dict[HeaderName, HeaderValue], Meta(max_length=90)] = {}
    address: Annotated[str, Meta(max_length=64)] = ""
    secured: bool = False
    draft: SimulatedDraft | None = None


class SimulatedPolicy(View, frozen=True, kw_only=True):
    """What the access policies of ``service`` say. ``policy`` and the index of its ``rule`` are what decided;
    ``policy`` is empty where the default action did, or several allow policies did not match. ``shadow`` is the policy
    in shadow mode that would turn the answer round."""

    service: str
    allowed: bool
    policy: str
    rule: int | None
    shadow: str


class BackendShare(View, frozen=True, kw_only=True):
    """Percent of such requests."""

    version: str
    share: float


class Simulation(View, frozen=True, kw_only=True):
    """``route`` is null where the request reached none; ``status``, ``flag`` and ``reason`` then say what it is told.
    ``index`` is its place among the service's own routes; null for one that a rollout has laid over them.
    ``chosen`` is the version that stickiness, or a lack of others, decides on; empty where chance does. ``lines`` are
    the head that goes on, first the request line; of a redirect or a direct response, its own fields. ``limits``
    are the route's, then the service's own. ``policy`` is null where no access policies were asked: the request did
    not get so far."""

    listener: Literal["outbound", "gateway"]
    outcome: Literal["forward", "redirect", "direct", "refused"]
    service: str
    route: Route | None
    index: int | None
    status: int
    flag: str
    reason: str
    backends: list[BackendShare]
    chosen: str
    lines: list[str]
    limits: list[RateLimit]
    timeouts: Timeouts | None
    connect_timeout_ms: int
    policy: SimulatedPolicy | None


class Simulate(Endpoint):
    writes = "view"

    @operation("simulate", body=SimulateBody, answer=Simulation)
    def post(self, request: Request) -> Response:
        """What a request would meet, decided by the code that proxies run. Nothing is sent and nothing changes."""
        sent = body(request, SimulateBody)
        asked = Asked(
            source=sent.source,
            host=sent.host,
            method=sent.method,
            path=sent.path,
            headers=tuple(sent.headers.items()),
            address=sent.address,
            secured=sent.secured,
        )
        return Response(_view(simulate(actor=actor_of(request), asked=asked, draft=_draft(sent.draft))))


def _draft(sent: SimulatedDraft | None) -> Draft | None:
    if sent is None:
        return None
    return Draft(routes=sent.routes, split=sent.split, policy=None if sent.policy is None else sent.policy.draft)


def _view(met: Met) -> Simulation:
    shown = {name: getattr(met, name) for name in Simulation.__struct_fields__ if hasattr(met, name)}
    timeouts = None if met.route is None else met.route.timeouts
    return msgspec.convert({**shown, "timeouts": timeouts}, Simulation, from_attributes=True)
