"""What a described request would meet: decided by the very functions of ``proxies.core`` that a proxy runs, over the
configuration as it is desired now, or as a draft would have it. Nothing is sent, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Literal

from msgspec.structs import replace

from meshui.catalog.models import CALLED, Service
from meshui.catalog.selectors import get_service, get_workload
from meshui.compile.check import route_breaches as compiled_breaches
from meshui.compile.overlay import laid_over
from meshui.compile.service import service_body
from meshui.core.actors import Actor
from meshui.core.authorization import Arrival, DraftPolicy, Judged, judged
from meshui.core.commits import current_mesh
from meshui.mesh import values
from meshui.mesh.invariants import Breach, route_breaches, split_breaches
from meshui.mesh.names import DOMAIN
from meshui.traffic.selectors import (
    get_gateway,
    hosts_of,
    limits_of,
    overlay_of,
    resilience_of,
    routes_of,
    split_of,
)
from meshui.traffic.services.common import refuse, refuse_tcp
from proxies.core import flags
from proxies.core.actions import Answer, Means, compile_choice, sticky_key
from proxies.core.edits import compile_ops
from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead, read_request
from proxies.core.hosts import HostTable
from proxies.core.rewrite import compile_rewrite
from proxies.core.routes import compile_routes, first_match
from proxies.core.split import compile_sticky
from proxies.wire.resources import ServiceBody
from proxies.wire.routing import Route, WeightedVersion

EGRESS_DENIED = 502


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it would reach a proxy of ``source``. ``address`` is the client's, at a gateway; ``secured`` says
    that it came over TLS."""

    source: str
    host: str
    method: str
    path: str
    headers: Sequence[tuple[str, str]] = ()
    address: str = ""
    secured: bool = False

    def who(self) -> bytes:
        return self.address.encode()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a service would have; None leaves what it has. The policy may be for another than the service, such as the
    gateway that the request comes by."""

    routes: Sequence[values.Route] | None = None
    split: Mapping[str, int] | None = None
    policy: DraftPolicy | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """A version's share of such requests, in percent."""

    version: str
    share: float


@dataclass(frozen=True, slots=True)
class Met:
    """``route`` is None where the request reached none; ``status``, ``flag`` and ``reason`` then say what it is told.
    ``index`` is its place among the service's own routes; None for one that a rollout has laid over them.
    ``chosen`` is the version that stickiness decides on. ``lines`` are the head that goes on, first the request line;
    of a direct answer or redirect, the answer's own fields."""

    listener: Literal["outbound", "gateway"]
    outcome: Literal["forward", "redirect", "direct", "refused"]
    service: str = ""
    route: values.Route | None = None
    index: int | None = None
    status: int = 0
    flag: str = ""
    reason: str = ""
    backends: Sequence[Backend] = ()
    chosen: str = ""
    lines: Sequence[str] = ()
    limits: Sequence[values.RateLimit] = field(default_factory=tuple)
    connect_timeout_ms: int = 0
    policy: Judged | None = None
    """What access policies say: the gateway's where they refuse, else the service's, once a request goes there."""


def simulate(*, actor: Actor, asked: Asked, draft: Draft | None = None) -> Met:
    """What the request meets. ``draft`` stands for the service that its host leads to.

    Raises NotFound (the source, or a service that the actor may not view), InvalidInput (the draft).
    """
    actor.require_visible(asked.source.partition("/")[0])
    source = get_workload(asked.source)
    gateway = source.kind == Service.Kind.GATEWAY
    listener: Literal["outbound", "gateway"] = "gateway" if gateway else "outbound"
    try:
        head = _head(asked, edge=gateway)
    except BadMessage as error:
        flag = flags.DOWNSTREAM_PROTOCOL_ERROR
        return Met(listener, "refused", status=error.status, flag=flag, reason=error.reason)
    policy = None if draft is None else draft.policy
    if gateway:
        received = judged(Arrival(asked.source, "", asked.address, head), policy)
        if not received.allowed:
            return _denied(Met(listener, "refused"), received)
    name = HostTable(_hosts(asked.source).items() if gateway else _own_host(actor, head)).find(head.host)
    if name is None:
        status = 404 if gateway else EGRESS_DENIED
        return Met(listener, "refused", status=status, flag=flags.NO_ROUTE, reason="no service has this host")
    actor.require_visible(name.partition("/")[0])
    service = drafted(get_service(name), draft)
    body = service_body(service)
    found = first_match(compile_routes(body.routes, asked.source), head)
    if found is None:
        reason = "no route matches" if body.protocol == "http" else "it is a tcp service, which has no routes"
        return Met(listener, "refused", service=name, status=404, flag=flags.NO_ROUTE, reason=reason)
    laid = laid_over(service.routes, service.overlay)
    place = body.routes.index(found)
    own = place - (len(laid) - len(service.routes))
    route = laid[place]
    met = Met(
        listener,
        "forward",
        service=name,
        route=route,
        index=own if own >= 0 else None,
        limits=(*route.limits, *service.limits),
        connect_timeout_ms=service.resilience.connect_timeout_ms,
    )
    met = _acted(met, found, body, head, asked)
    if met.outcome != "forward":
        return met
    # What the instance's own proxy is asked is what goes on, rewritten as it may be.
    arrived = judged(Arrival(name, asked.source, "", _read(met.lines)), policy)
    return replaced(met, policy=arrived) if arrived.allowed else _denied(met, arrived)


def _denied(met: Met, by: Judged) -> Met:
    what = f"policy {by.policy}" if by.policy else "no policy allows it, and the default"
    reason = f"{what} of {by.service} denies it"
    return replaced(met, outcome="refused", status=403, flag=flags.ACCESS_DENIED, reason=reason, policy=by)


def _read(lines: Sequence[str]) -> RequestHead:
    return read_request("\r\n".join(lines).encode("latin-1"))


def _head(asked: Asked, *, edge: bool) -> RequestHead:
    lines = [f"{asked.method} {asked.path} HTTP/1.1", f"host: {asked.host}"]
    lines += [f"{name}: {value}" for name, value in asked.headers]
    return read_request("\r\n".join(lines).encode(), edge=edge)


def _hosts(gateway: str) -> dict[str, str]:
    return hosts_of(get_gateway(gateway))


def _own_host(actor: Actor, head: RequestHead) -> list[tuple[str, str]]:
    """The one service that may have the host: services are known by names of one form."""
    labels = head.host.decode("latin-1").split(".")
    if len(labels) != 3 or labels[2] != DOMAIN:
        return []
    actor.require_visible(labels[1])  # before it is looked for: whether it is there is not told either
    rows = Service.objects.filter(kind__in=CALLED, name=labels[0], namespace__name=labels[1])
    return [(row.full_name.host, str(row.full_name)) for row in rows.select_related("namespace")]


def drafted(row: Service, draft: Draft | None) -> values.Service:
    """The service as it is desired, or would be with the draft. Raises InvalidInput (``draft.routes.0.name``)."""
    service = values.Service(
        name=row.full_name,
        trust_domain=current_mesh().trust_domain,
        protocol=row.protocol,
        port=row.port or 0,
        versions=tuple(version.name for version in row.versions.all()),
        split=split_of(row),
        routes=routes_of(row),
        overlay=overlay_of(row),
        resilience=resilience_of(row),
        limits=limits_of(row),
    )
    if draft is None:
        return service
    if draft.routes is not None:
        refuse_tcp(row, "draft.routes", "it has no routes")
    versions = set(service.versions)
    breaches: list[Breach] = []
    if draft.split is not None:
        breaches += split_breaches(draft.split, versions, "draft.split")
        service = replace(service, split=dict(draft.split))
    if draft.routes is not None:
        found = (*route_breaches(draft.routes, versions), *compiled_breaches(draft.routes))
        breaches += [Breach(f"draft.{breach.path}", breach.code, breach.detail) for breach in found]
        service = replace(service, routes=tuple(draft.routes))
    refuse(breaches)
    return service


def _acted(met: Met, route: Route, body: ServiceBody, head: RequestHead, asked: Asked) -> Met:
    split = route.split or body.split
    if route.redirect is not None or route.direct is not None:
        return _answered(met, route, split, head, asked)
    total = sum(weighted.weight for weighted in split)
    backends = [Backend(w.version, 100 * w.weight / total) for w in split if w.weight]
    if not backends:
        reason = "no version has weight"
        return replaced(met, outcome="refused", status=503, flag=flags.NO_HEALTHY_UPSTREAM, reason=reason)
    chosen = _chosen(route, split, head, asked)
    if route.rewrite is not None:
        try:
            compile_rewrite(route.rewrite, route.match)(head)
        except BadMessage as error:
            flag = flags.DOWNSTREAM_PROTOCOL_ERROR
            return replaced(met, outcome="refused", status=error.status, flag=flag, reason=error.reason)
    of_version = next((weighted.request_headers for weighted in split if weighted.version == chosen), None)
    edit = compile_ops(route.request_headers, of_version)
    if edit is not None:
        edit(head.lines)
    return replaced(met, backends=backends, chosen=chosen, lines=_texts(head.lines))


def _answered(met: Met, route: Route, split: Sequence[WeightedVersion], head: RequestHead, asked: Asked) -> Met:
    """The route's own answer; its fault and limits, which depend on chance and time, left aside."""
    bare = replace(route, fault=None)
    try:
        compile_choice(bare, split, str, _no_cookie, Means(lambda: 0.0, bytes))(head, asked)
    except Answer as answer:
        outcome: Literal["redirect", "direct"] = "redirect" if route.redirect is not None else "direct"
        return replaced(met, outcome=outcome, status=answer.status, lines=_texts(answer.lines))
    raise AssertionError("a route with an answer answers")


def _chosen(route: Route, split: Sequence[WeightedVersion], head: RequestHead, asked: Asked) -> str:
    possible = [weighted.version for weighted in split if weighted.weight]
    if len(possible) == 1:
        return possible[0]
    key = sticky_key(route.sticky, head, asked) if route.sticky is not None else None
    return (compile_sticky(split, str)(key) or "") if key else ""


def _no_cookie(version: str, line: bytes) -> str:
    return version


def _texts(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("latin-1") for line in lines]
