"""The asyncio engine: turns resources into listeners and routes, whole or not at all, and serves.

The one door for whoever brings resources (a file, the agent). It does not know where they come from, nor compares
revisions: what is applied replaces what was there. Everything runs on one event loop; no method is thread-safe.
"""

from __future__ import annotations

import asyncio
import os
import resource as process
import ssl
from collections.abc import Mapping
from hashlib import blake2s
from time import monotonic
from typing import NamedTuple

from proxies.core.decisions import Decisions
from proxies.core.errors import BadMessage
from proxies.core.hosts import HostTable
from proxies.core.limits import Gates
from proxies.core.shared import SharedCounts
from proxies.core.usage import Uses
from proxies.net.admission import Admission
from proxies.net.catalog import Catalog, Passthrough
from proxies.net.cluster import Cluster, Source
from proxies.net.denials import Denials
from proxies.net.edge_tls import EdgeTls
from proxies.net.lines import Lines
from proxies.net.listeners import Gateway, Inbound, Listener, Outbound
from proxies.net.metrics import UNKNOWN, Edge, Metrics
from proxies.net.ports import Port, TcpPort
from proxies.net.recording import Recording
from proxies.net.tcp import ToApp, ToService, Way
from proxies.net.tls import ClientTls, ServerTls, build_contexts
from proxies.net.transparent import ToOriginal, TransparentOutbound, TransparentPort
from proxies.net.upstream import Endpoint
from proxies.net.wheel import Wheel
from proxies.wire import resources as wire
from proxies.wire.logs import LogRecord
from proxies.wire.reports import EdgeDelta, Gauges, LimitUse, PolicyUse, RequestSample, SpanReport
from proxies.wire.resources import ResourceError
from proxies.wire.taps import TapOrder, TapRecord, TapUse

SWEEP_S = 1.0


class Applied(NamedTuple):
    epoch: int
    revision: int
    version: str


class Engine:
    """Make it inside a running loop, ``start`` it, ``apply`` resources in any order, ``drain`` it.

    What is asked for before it can be served waits: an inbound listener that must speak mTLS refuses connections
    until ``set_identity``; a route to endpoints that did not arrive yet answers 503.
    """

    def __init__(self, counts: SharedCounts | None = None, processes: int = 1, log_lines: Lines | None = None) -> None:
        """Global limits are judged by ``counts``; without, they are refused. One of several ``processes`` shares its
        ports with the others, and the local limits. ``log_lines`` take the access log, while it is on."""
        self._loop = asyncio.get_running_loop()
        self.metrics = Metrics()
        self.uses = Uses()
        self.decisions = Decisions()
        self._recording = Recording(processes, log_lines)
        self._gates = Gates(monotonic, self.uses, counts, processes)
        self._share_ports = processes > 1
        self._wheel = Wheel(self._loop)
        self._denials = Denials()
        self._client_tls = ClientTls(self._denials)
        self._server_tls = ServerTls(self._denials)
        self._catalog = Catalog(self._wheel, self.metrics, self._client_tls, self._gates)
        self._admission = Admission(self.decisions, self._catalog, self._wheel)
        self._resources: dict[str, wire.Resource] = {}
        self._ports: dict[tuple[str, int], Port] = {}
        self._apps: list[Endpoint] = []
        self._passthrough: Passthrough | None = None
        self._identity: tuple[str, str] | None = None
        self._bundle: list[str] = []
        self._draining = False
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the clock that drives timeouts."""
        self._wheel.start()
        self._sweep()

    # --- resources

    def apply(self, resource: wire.Resource) -> None:
        """Put a resource into force, whole. Raises ResourceError with the reason when it cannot be: then the former
        one stays in force."""
        try:
            self._put(resource)
        except BadMessage as error:
            raise ResourceError(f"{resource.key}: {error.reason}") from error
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ResourceError(f"{resource.key}: {error}") from error
        self._resources[resource.key] = resource

    def remove(self, key: str) -> None:
        """Take a resource out of force. An unknown key, ``trust`` and ``proxy`` change nothing: a proxy goes on with
        the last it had."""
        resource = self._resources.get(key)
        if isinstance(resource, wire.ServiceResource):
            self._catalog.remove_service(resource.name)
        elif isinstance(resource, wire.EndpointsResource):
            self._catalog.update_endpoints(resource.name, wire.EndpointsBody(endpoints=[]))
        elif not isinstance(resource, wire.InboundResource | wire.DirectoryResource):
            return
        del self._resources[key]
        if isinstance(resource, wire.InboundResource):
            self._receive()

    def applied(self) -> Mapping[str, Applied]:
        """What is in force: ``kind:name`` -> (epoch, revision, version)."""
        return {key: Applied(r.epoch, r.revision, r.version) for key, r in self._resources.items()}

    def resource(self, key: str) -> wire.Resource | None:
        """What is in force as ``kind:name``."""
        return self._resources.get(key)

    def set_identity(self, certificate_chain: str, key: str, bundle: list[str]) -> None:
        """Take (or renew) this proxy's certificate chain (PEM, leaf first), its key and the roots to trust. New
        connections use them; open ones finish what they do. Raises ResourceError, changing nothing."""
        try:
            contexts = build_contexts(certificate_chain, key, bundle)
        except (OSError, ValueError) as error:
            raise ResourceError(f"identity: {error}") from error
        self._identity = (certificate_chain, key)
        self._bundle = bundle
        self._use(*contexts)

    # --- telemetry

    def collect(self) -> list[EdgeDelta]:
        """What every edge counted since the last call. For one caller, once a second."""
        return self.metrics.collect()

    def samples(self) -> list[RequestSample]:
        """One request of each route that took any, of the time that ``collect`` spoke of."""
        return self.metrics.samples

    def limit_uses(self) -> list[LimitUse]:
        """What limits let pass and turned away since the last call. For one caller, once a second."""
        return self.uses.collect()

    def policy_uses(self) -> list[PolicyUse]:
        """What access policies decided since the last call. For one caller, once a second."""
        return self.decisions.collect()

    def spans(self) -> tuple[list[SpanReport], int]:
        """The spans that ended since the last call, and how many were dropped. For one caller, once a second."""
        return self._recording.spans.collect()

    def logs(self) -> tuple[list[LogRecord], int]:
        """The records of the access log since the last call, where the control plane wants them, and how many were
        dropped. For one caller, once a second."""
        return self._recording.logs.collect()

    def taps(self) -> tuple[list[TapRecord], list[TapUse]]:
        """What was copied for taps since the last call, and how much each did. For one caller, once a second."""
        told = self._recording.collect_taps()
        self._record()
        return told

    def gauges(self) -> Gauges:
        usage = process.getrusage(process.RUSAGE_SELF)
        return Gauges(
            connections=self.metrics.connections,
            active_requests=self.metrics.active_requests,
            rss_bytes=_rss(),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            services=self._catalog.states(),
        )

    def dropped_lines(self) -> int:
        """The lines of the access log that could not be written since the start."""
        return self._recording.dropped_lines()

    def handshakes(self) -> list[tuple[str, str, int]]:
        """``(side, outcome, count)`` of the handshakes with other members of the mesh so far."""
        sides = (("client", self._client_tls.handshakes), ("server", self._server_tls.handshakes))
        return [
            (side, outcome, count)
            for side, counts in sides
            for outcome, count in (("done", counts.done), ("refused", counts.refused))
        ]

    def overflows(self) -> list[tuple[str, str, int]]:
        """``(service, limit, count)`` of what circuit breakers turned away so far."""
        return [(name, limit, n) for name, load in self._catalog.loads() for limit, n in load.overflows.items()]

    # --- taps

    def tap(self, order: TapOrder) -> None:
        """Begin, change, prolong or end a tap."""
        self._recording.tap(order)
        self._record()

    def refuse_tap(self, tap: str, error: str) -> None:
        """Tell with the next report that this order was not understood."""
        self._recording.refuse_tap(tap, error)

    # --- life

    def ready(self) -> str:
        """Empty when every listener can serve, else what is missing."""
        if self._draining:
            return "draining"
        if not self._ports:
            return "no listeners"
        waiting = [port for port in self._ports.values() if port.mtls == "strict" and self._server_tls.context is None]
        return "no identity yet" if waiting else ""

    def tcp_cluster_for(self, address: str, port: int) -> Cluster | None:
        """The TCP service that a connection to this IP address and port means, if it means one."""
        return self._catalog.tcp_cluster_for(address, port)

    def addresses(self) -> list[tuple[str, str, int]]:
        """``(kind, address, port)`` of the open listeners."""
        return [(port.kind, *key) for key, port in self._ports.items()]

    @property
    def drain_s(self) -> float:
        found = [r.body.drain_ms for r in self._resources.values() if isinstance(r, wire.ProxyResource)]
        return (found[0] if found else 0) / 1000

    async def drain(self) -> None:
        """Stop accepting, let requests finish within the proxy's ``drain_ms``, then close everything."""
        self._draining = True
        ports = list(self._ports.values())
        self._ports.clear()
        for port in ports:
            port.drain()
        deadline = self._loop.time() + self.drain_s
        await asyncio.sleep(0.02)  # whom the ports took in last are not counted yet
        while self.metrics.connections and self._loop.time() < deadline:  # noqa: ASYNC110 - once in a life
            await asyncio.sleep(0.02)
        self.stop()
        for port in ports:
            port.abort()

    def stop(self) -> None:
        """Close everything at once."""
        for port in self._ports.values():
            port.drain()
            port.abort()
        self._ports.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._wheel.stop()
        self._catalog.close()
        for endpoint in self._apps:
            endpoint.retire()
        if self._passthrough is not None:
            self._passthrough.close()

    # --- inside

    def _put(self, resource: wire.Resource) -> None:
        if isinstance(resource, wire.ServiceResource):
            self._catalog.update_service(resource.name, resource.body)
        elif isinstance(resource, wire.EndpointsResource):
            self._catalog.update_endpoints(resource.name, resource.body)
        elif isinstance(resource, wire.TrustResource):
            self._put_trust(resource.body)
        elif isinstance(resource, wire.ProxyResource):
            self._put_proxy(resource)
        elif isinstance(resource, wire.InboundResource):
            self._admission.access(resource.name, resource.body)  # says whether it can be
            self._gates.gate(resource.name, "", resource.body.limits)
            self._resources[resource.key] = resource
            self._receive()

    def _put_trust(self, trust: wire.TrustBody) -> None:
        if self._identity is not None and trust.bundle != self._bundle:
            self._use(*build_contexts(*self._identity, trust.bundle))
        self._bundle = trust.bundle
        self._server_tls.trust_domain = trust.trust_domain
        self._denials.replace(trust.denied, trust.revoked)
        self._recording.set(trust)
        self._record()

    def _record(self) -> None:
        """Have requests tell of themselves exactly while somebody listens."""
        for port in self._ports.values():
            port.recorder = self._recording.recorder
            if not isinstance(port, TcpPort):
                port.listener.tracer = self._recording.tracer

    def _use(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self._server_tls.context = server
        self._client_tls.context = client

    def _put_proxy(self, resource: wire.ProxyResource) -> None:
        """Bind what is new before anything changes, so that a port that is taken leaves all as it was."""
        body = resource.body
        others = [r for r in self._resources.values() if isinstance(r, wire.ProxyResource)]
        if any(other.name != resource.name for other in others):
            raise ResourceError(f"{resource.key}: this is proxy {others[0].name!r}")
        wanted = {(listener.address, listener.port): listener for listener in body.listeners}
        if len(wanted) != len(body.listeners):
            raise ResourceError(f"{resource.key}: two listeners on one address")
        for key in wanted.keys() & self._ports.keys():
            if _port_kind(wanted[key]) is not type(self._ports[key]):
                raise ResourceError(f"{resource.key}: {key[0]}:{key[1]} cannot turn from one kind into another")
        edges = {
            (spec.address, spec.port): EdgeTls(spec.tls)
            for spec in body.listeners
            if isinstance(spec, wire.GatewayListener) and spec.tls
        }
        opened: dict[tuple[str, int], Port] = {}
        try:
            for key in wanted.keys() - self._ports.keys():
                kind = _port_kind(wanted[key])
                opened[key] = kind(*key, self._wheel, self.metrics, self._server_tls, shared=self._share_ports)
        except OSError:
            for port in opened.values():
                port.drain()
            raise
        for key in self._ports.keys() - wanted.keys():
            self._ports.pop(key).drain()
        self._ports |= opened
        for key, port in self._ports.items():
            port.edge = edges.get(key)
            port.recorder = self._recording.recorder
        self._serve(resource)

    def _serve(self, resource: wire.ProxyResource) -> None:
        body = resource.body
        source = Source(body.service, body.version)
        self._catalog.set_source(source, body.locality)
        for endpoint in self._apps:
            endpoint.retire()
        self._apps = []
        if self._passthrough is not None:
            self._passthrough.close()
            self._passthrough = None
        for spec in body.listeners:
            port = self._ports[spec.address, spec.port]
            if isinstance(port, TcpPort):
                port.carry(_KINDS[type(spec)], self._way(spec, source))
                continue
            if isinstance(port, TransparentPort):
                port.catalog = self._catalog
                port.way = self._original_way(spec, source)
            mark = blake2s(f"{resource.name} {spec.address} {spec.port}".encode(), digest_size=6).hexdigest()
            listener = self._listener(spec, f"meshui-{mark}", source)
            listener.tracer = self._recording.tracer
            port.serve(_KINDS[type(spec)], listener)
        self._receive_as(body)

    def _way(self, spec: wire.Listener, source: Source) -> Way:
        """Where the connections of a listener for TCP go."""
        if isinstance(spec, wire.TcpListener):
            return ToService(self._catalog.cluster(spec.service), source, self.metrics)
        assert isinstance(spec, wire.InboundListener)
        app = Endpoint(self._wheel, spec.app_address, spec.app_port)
        self._apps.append(app)
        return ToApp(source, app, self.metrics)

    def _listener(self, spec: wire.Listener, mark: str, source: Source) -> Listener:
        metrics = self.metrics
        if isinstance(spec, wire.InboundListener):
            unrouted = metrics.row(Edge("destination", UNKNOWN, "", *source, "", "http", False))
            app = Endpoint(self._wheel, spec.app_address, spec.app_port)
            self._apps.append(app)
            return Inbound(mark, unrouted, destination=source, app=app, tls=self._server_tls, metrics=metrics)
        unrouted = metrics.row(Edge("source", *source, UNKNOWN, "", "", "http", False))
        if isinstance(spec, wire.GatewayListener):
            hosts = HostTable((entry.host, self._catalog.cluster(entry.service)) for entry in spec.hosts)
            return Gateway(mark, unrouted, hosts)
        kind = TransparentOutbound if _is_transparent(spec) else Outbound
        return kind(mark, unrouted, self._catalog, self._way_outside(spec, source))

    def _original_way(self, spec: wire.Listener, source: Source) -> Way:
        row = self.metrics.row(Edge("source", *source, UNKNOWN, "", "", "tcp", False))
        return ToOriginal(self._catalog, self._way_outside(spec, source), source, row)

    def _way_outside(self, spec: wire.Listener, source: Source) -> Passthrough | None:
        """The way to hosts outside the mesh, where the listener's egress lets anything there."""
        if not isinstance(spec, wire.OutboundListener) or spec.egress == "deny":
            return None
        if self._passthrough is None:
            self._passthrough = Passthrough(self._wheel, self.metrics, source)
        return self._passthrough

    def _receive(self) -> None:
        """Bring the inbound ports in line with their services' resources."""
        for resource in list(self._resources.values()):
            if isinstance(resource, wire.ProxyResource):
                self._receive_as(resource.body)

    def _receive_as(self, body: wire.ProxyBody) -> None:
        for spec in body.listeners:
            port = self._ports.get((spec.address, spec.port))
            if port is None:
                continue
            if isinstance(spec, wire.InboundListener):
                self._receive_for_app(port, spec, self._inbound(spec.service))
            elif isinstance(spec, wire.GatewayListener) and isinstance(port.listener, Gateway):
                port.listener.access = self._admission.access(body.service, self._inbound(body.service), spec.port)

    def _receive_for_app(self, port: Port, spec: wire.InboundListener, inbound: wire.InboundBody) -> None:
        access = self._admission.access(spec.service, inbound, spec.app_port)
        port.require(inbound.mtls)
        if isinstance(port, TcpPort):
            if isinstance(port.way, ToApp):
                port.way.idle_s = inbound.idle_timeout_ms / 1000
            port.admit(access)
        elif isinstance(port.listener, Inbound):
            port.listener.gate = self._gates.gate(spec.service, "", inbound.limits)
            port.listener.access = access

    def _inbound(self, service: str) -> wire.InboundBody:
        """How a service receives: until its resource says otherwise, from everybody, over mTLS alone."""
        found = self._resources.get(wire.resource_key("inbound", service))
        return found.body if isinstance(found, wire.InboundResource) else wire.InboundBody()

    def _sweep(self) -> None:
        for port in self._ports.values():
            if port.edge is not None:
                port.edge.refresh()
        self._catalog.sweep()
        for endpoint in self._apps:
            endpoint.sweep()
        if self._passthrough is not None:
            self._passthrough.sweep()
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)


_KINDS: dict[type[wire.Listener], str] = {
    wire.InboundListener: "inbound",
    wire.OutboundListener: "outbound",
    wire.TcpListener: "tcp",
    wire.GatewayListener: "gateway",
}


def _port_kind(listener: wire.Listener) -> type[Port]:
    if wire.is_tcp(listener):
        return TcpPort
    return TransparentPort if _is_transparent(listener) else Port


def _is_transparent(listener: wire.Listener) -> bool:
    return isinstance(listener, wire.OutboundListener) and listener.transparent


def _rss() -> int:
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
