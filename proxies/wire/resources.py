"""Configuration resources: the typed bodies, their envelope and the codec.

Owns the shape of what the control plane publishes and a proxy applies. Knows nothing of where the bytes come
from (Redis, a file) or what an engine makes of them. Durations are integer milliseconds, names of services are
``namespace/name``. Unknown fields are ignored, so an older proxy reads what a newer control plane writes; a body
that an older reader must not half-understand raises ``requires`` above what that reader knows.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from proxies.wire.base import Body as _Body
from proxies.wire.base import Label, Locality, Milliseconds, Weight
from proxies.wire.logs import AccessLog
from proxies.wire.policies import Policy
from proxies.wire.resilience import Balancer, Breaker, HealthCheck, Outlier, RetryBudget
from proxies.wire.routing import RateLimit, Route, WeightedVersion
from proxies.wire.tokens import TokenProvider

SCHEMA = 6
"""The newest schema this code understands; an envelope whose ``requires`` is greater is refused.

2: services whose protocol is ``tcp``. 3: rate limits whose scope is ``global``. 4: access policies, and inbound ports
that take plaintext beside mTLS. 5: denied identities and certificates. 6: tokens, external checks."""

ServiceName = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Host = Annotated[str, Meta(min_length=1, max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Protocol = Literal["http", "tcp"]
TCP_IDLE_MS = 3_600_000


# --- service: the client's view ---------------------------------------------------------------------------------


class Fallback(_Body, frozen=True, kw_only=True):
    """The split and the routes that a proxy takes by itself once it has not heard from the control plane for
    ``after_ms``. It goes back to the published ones when it hears from it again."""

    after_ms: Milliseconds
    split: list[WeightedVersion]
    routes: list[Route]


class ServiceBody(_Body, frozen=True, kw_only=True):
    """A service as its callers see it, whole: one resource, so that a change of weights is atomic.

    ``hosts`` are the names by which the outbound listener knows the service, lower case, without port.
    ``identity`` is the SPIFFE id its servers must present where an endpoint speaks mTLS. ``outlier`` and
    ``health_check`` of None are off; without a ``retry_budget`` the breaker's count limits retries.

    Of a ``tcp`` service connections are forwarded, not requests: it has no routes, and ``port`` is the one at which
    apps that connect to the mesh's names mean it. Its connections end after ``idle_timeout_ms`` of silence.
    """

    protocol: Protocol = "http"
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    hosts: list[Host]
    versions: list[Label]
    split: list[WeightedVersion]
    routes: list[Route]
    identity: str = ""
    connect_timeout_ms: Milliseconds = 1_000
    balancer: Balancer = field(default_factory=Balancer)
    breaker: Breaker = field(default_factory=Breaker)
    retry_budget: RetryBudget | None = field(default_factory=RetryBudget)
    outlier: Outlier | None = field(default_factory=Outlier)
    health_check: HealthCheck | None = None
    idle_timeout_ms: Milliseconds = TCP_IDLE_MS
    fallback: Fallback | None = None


# --- endpoints --------------------------------------------------------------------------------------------------


class Endpoint(_Body, frozen=True, kw_only=True):
    """One instance, reachable at ``address:port`` (its sidecar's inbound listener where ``tls`` is set)."""

    id: str
    address: Host
    port: Port
    version: Label
    tls: bool = False
    healthy: bool = True
    draining: bool = False
    weight: Weight = 100
    locality: Locality = ""


class EndpointsBody(_Body, frozen=True, kw_only=True):
    """The instances of one service, ordered by id."""

    endpoints: list[Endpoint]


# --- inbound: the server's view ---------------------------------------------------------------------------------


class InboundBody(_Body, frozen=True, kw_only=True):
    """How a service's own proxies receive; of a gateway, how it receives from strangers, where ``mtls`` means nothing.

    ``strict`` refuses plaintext, ``permissive`` takes it from whoever has no identity to show, ``disable`` speaks only
    plaintext. A request's token is verified first, by the ``providers``; it needs one of those in ``token_required``,
    if there are any. Then it meets the ``policies`` (``default`` is what holds where no allow policy is), then the
    ``limits``, of which all must let it pass. ``idle_timeout_ms`` is of a ``tcp`` service's connections."""

    mtls: Literal["strict", "permissive", "disable"] = "strict"
    policies: list[Policy] = field(default_factory=list)
    default: Literal["allow", "deny"] = "allow"
    providers: list[TokenProvider] = field(default_factory=list)
    token_required: list[Label] = field(default_factory=list)
    limits: list[RateLimit] = field(default_factory=list)
    idle_timeout_ms: Milliseconds = TCP_IDLE_MS


# --- trust ------------------------------------------------------------------------------------------------------


class Tracing(_Body, frozen=True, kw_only=True):
    """``percent`` of the traces that begin in the mesh are kept, and all whose parent is; with ``errors`` also each
    request that failed."""

    percent: Annotated[float, Meta(ge=0, le=100)] = 0.0
    errors: bool = False


class TrustBody(_Body, frozen=True, kw_only=True):
    """The trust domain and the PEM root certificates that proxies accept peers under.

    Whoever has one of the ``denied`` identities, or a certificate of one of the ``revoked`` serials (hex, lower case),
    is no peer, and is cut off where it is one. Without ``tracing`` no spans are made, and trace headers go on as they
    came. Without ``access_log`` none is kept."""

    trust_domain: Host
    bundle: list[str]
    denied: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    tracing: Tracing | None = None
    access_log: AccessLog | None = None


# --- directory --------------------------------------------------------------------------------------------------


class DirectoryBody(_Body, frozen=True, kw_only=True):
    """The names of all services, so that a proxy knows what to follow without being rewritten for each new one."""

    services: list[ServiceName]


# --- proxy ------------------------------------------------------------------------------------------------------


class InboundListener(_Body, frozen=True, kw_only=True, tag_field="kind", tag="inbound"):
    """Receives for ``service``, which speaks ``protocol``, and forwards to the app at ``app_address:app_port``."""

    address: Host
    port: Port
    service: ServiceName
    app_address: Host = "127.0.0.1"
    app_port: Port
    protocol: Protocol = "http"


class OutboundListener(_Body, frozen=True, kw_only=True, tag_field="kind", tag="outbound"):
    """The app's way out: by ``Host`` or absolute-form to a service of the mesh. ``egress`` says what an unknown host
    gets. A ``transparent`` one takes connections that the host redirects to it, of HTTP and of anything else."""

    address: Host = "127.0.0.1"
    port: Port
    egress: Literal["allow", "deny"] = "deny"
    transparent: bool = False


class TcpListener(_Body, frozen=True, kw_only=True, tag_field="kind", tag="tcp"):
    """The app's way out to one service whose protocol is ``tcp``."""

    address: Host = "127.0.0.1"
    port: Port
    service: ServiceName


class GatewayHost(_Body, frozen=True, kw_only=True):
    """``host`` is a name, ``*.suffix``, or ``*`` for any; the most specific one wins."""

    host: Host
    service: ServiceName


FileName = Annotated[str, Meta(min_length=1, max_length=4096)]


class GatewayCertificate(_Body, frozen=True, kw_only=True):
    """A certificate for hosts (names, ``*.suffix``, ``*``): PEM files on the gateway, the chain leaf first. The key
    does not leave it."""

    hosts: Annotated[list[Host], Meta(min_length=1)]
    certificate_file: FileName
    key_file: FileName


class GatewayListener(_Body, frozen=True, kw_only=True, tag_field="kind", tag="gateway"):
    """An edge listener: HTTP from outside, routed by host into the mesh. With certificates in ``tls`` it speaks only
    TLS; a client that names no host gets the first."""

    address: Host
    port: Port
    hosts: list[GatewayHost]
    tls: list[GatewayCertificate] = field(default_factory=list)


Listener = InboundListener | OutboundListener | TcpListener | GatewayListener


class ProxyBody(_Body, frozen=True, kw_only=True):
    """One proxy alone: who it is and where it listens. ``service`` is also its name as a source of traffic;
    ``locality`` is a path such as ``region/zone``, compared with those of endpoints. The certificate whose serial (hex)
    is ``renew`` is to be renewed at once."""

    service: ServiceName
    version: Label
    identity: str = ""
    listeners: list[Listener]
    locality: Locality = ""
    drain_ms: Milliseconds = 30_000
    renew: str = ""


# --- envelope ---------------------------------------------------------------------------------------------------


class _Envelope(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """``version`` is the content hash (equality only); ``revision`` orders within an ``epoch``."""

    name: str
    schema: int = SCHEMA
    requires: int = 1
    epoch: int = 0
    revision: int = 0
    version: str = ""

    @property
    def key(self) -> str:
        """``kind:name``, as in the Redis key and in acknowledgements."""
        return resource_key(type(self).__struct_config__.tag, self.name)  # type: ignore[arg-type]


class ServiceResource(_Envelope, frozen=True, kw_only=True, tag="service"):
    body: ServiceBody


class EndpointsResource(_Envelope, frozen=True, kw_only=True, tag="endpoints"):
    body: EndpointsBody


class InboundResource(_Envelope, frozen=True, kw_only=True, tag="inbound"):
    body: InboundBody


class TrustResource(_Envelope, frozen=True, kw_only=True, tag="trust"):
    name: str = ""
    body: TrustBody


class DirectoryResource(_Envelope, frozen=True, kw_only=True, tag="directory"):
    name: str = ""
    body: DirectoryBody


class ProxyResource(_Envelope, frozen=True, kw_only=True, tag="proxy"):
    body: ProxyBody


Resource = ServiceResource | EndpointsResource | InboundResource | TrustResource | DirectoryResource | ProxyResource

RESOURCE_TYPES: dict[str, type[Resource]] = {
    "service": ServiceResource,
    "endpoints": EndpointsResource,
    "inbound": InboundResource,
    "trust": TrustResource,
    "directory": DirectoryResource,
    "proxy": ProxyResource,
}


class ResourceError(ValueError):
    """Bytes that are no resource this reader may apply; the message names the field."""


class _Preamble(Struct):
    kind: str = ""
    requires: int = 1


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder: msgspec.msgpack.Decoder[Resource] = msgspec.msgpack.Decoder(Resource)
_preamble = msgspec.msgpack.Decoder(_Preamble)


def resource_key(kind: str, name: str) -> str:
    """``service:shop/catalog``, and ``trust`` alone where a kind has one resource."""
    return f"{kind}:{name}" if name else kind


def content_hash(body: _Body) -> str:
    """The version of a body: the same body gives the same 16 hex digits on every machine."""
    return hashlib.sha256(_encoder.encode(body)).hexdigest()[:16]


def required_schema(body: _Body) -> int:
    """The oldest schema whose readers understand all of a body: what an envelope ``requires``."""
    match body:
        case TrustBody() if body.denied or body.revoked:
            return 5
        case InboundBody() if body.providers or body.token_required or any(asks_more(p) for p in body.policies):
            return 6
        case InboundBody() if body.policies or body.default == "deny" or body.mtls == "permissive":
            return 4
        case ServiceBody() | InboundBody() if counts_globally(body):
            return 3
        case ServiceBody(protocol="tcp"):
            return 2
        case ProxyBody(listeners=listeners) if any(is_tcp(listener) for listener in listeners):
            return 2
        case _:
            return 1


def asks_more(policy: Policy) -> bool:
    """Whether a policy says what schema 4 did not have."""
    return policy.action == "external" or any(rule.caller.jwt is not None for rule in policy.rules)


def counts_globally(body: _Body) -> bool:
    """Whether a global rate limit is in it."""
    match body:
        case ServiceBody(routes=routes):
            return any(limit.scope == "global" for route in routes for limit in route.limits)
        case InboundBody(limits=limits):
            return any(limit.scope == "global" for limit in limits)
        case _:
            return False


def is_tcp(listener: Listener) -> bool:
    """Whether what comes in is carried on by the connection."""
    return isinstance(listener, TcpListener) or (isinstance(listener, InboundListener) and listener.protocol == "tcp")


def encode(resource: Resource) -> bytes:
    return _encoder.encode(resource)


def decode(data: bytes) -> Resource:
    """Read one resource. Raises ResourceError for bytes that are none, or that need a newer reader."""
    try:
        _require(_preamble.decode(data).requires)
        return _decoder.decode(data)
    except msgspec.DecodeError as error:  # ValidationError is a DecodeError
        raise ResourceError(str(error)) from error


def _require(schema: int) -> None:
    if schema > SCHEMA:
        raise ResourceError(f"needs schema {schema}, this proxy knows {SCHEMA}")


class ResourceFile(Struct, frozen=True, kw_only=True):
    """What standalone mode serves: ``{"resources": [{"kind": ..., "name": ..., "body": {...}}]}``."""

    resources: list[Resource]


def decode_file(data: bytes) -> list[Resource]:
    """Read a JSON resource file. Raises ResourceError with the path of the offending field."""
    try:
        found = msgspec.json.decode(data, type=ResourceFile).resources
    except msgspec.DecodeError as error:
        raise ResourceError(str(error)) from error
    for resource in found:
        _require(resource.requires)
    return found


def json_schema() -> dict[str, object]:
    """The JSON Schema of a resource file."""
    return msgspec.json.schema(ResourceFile)
