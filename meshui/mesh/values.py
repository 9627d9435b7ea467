"""The values that the compiler reads: what a team has decided about its services.

Types and ranges are checked where a value is made from JSON (``msgspec.convert``); rules that span fields are in
``meshui.mesh.invariants``. Durations are integer milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from meshui.mesh.names import ServiceName
from proxies.wire import resilience, routing
from proxies.wire.resources import TCP_IDLE_MS, Listener, Protocol
from proxies.wire.routing import SourcePattern

Weight = Annotated[int, Meta(ge=0, le=100)]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
VersionName = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$", max_length=63)]
Split = dict[VersionName, Weight]
"""Weights by version, summing to 100; a version that is left out gets none."""


class Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value that refuses fields it does not know."""


class PathMatch(Value, frozen=True, kw_only=True):
    """A condition on the normalised path.

    ``exact``: the whole path. ``prefix``: on segment borders, ``/a`` matches ``/a`` and ``/a/b`` but not ``/ab``.
    ``template``: segment by segment, where ``{x}`` stands for any one and a last ``{x=**}`` for all the rest.
    ``regex``: RE2 syntax, must match the whole path.
    """

    kind: Literal["exact", "prefix", "template", "regex"]
    value: Annotated[str, Meta(min_length=1, max_length=1024)]


class FieldMatch(Value, frozen=True, kw_only=True):
    """A condition on a query parameter or a cookie: its decoded value, of several with one name the first.
    ``regex`` (RE2 syntax) must match the whole value; ``present`` compares none; ``invert`` turns the answer round."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    kind: Literal["exact", "prefix", "regex", "present"] = "exact"
    value: Annotated[str, Meta(max_length=1024)] = ""
    invert: bool = False


class HeaderMatch(FieldMatch, frozen=True, kw_only=True):
    """A condition on one header, named without regard to case; several values compare joined by ``, ``."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]


class RouteMatch(Value, frozen=True, kw_only=True):
    """All conditions hold; an absent one puts none. Methods are ORed, and so are ``sources``: the calling services,
    or gateways, as ``namespace/name`` or ``namespace/*``."""

    path: PathMatch | None = None
    methods: Annotated[list[Annotated[str, Meta(pattern=r"^[A-Z][A-Z-]{0,31}$")]], Meta(max_length=20)] = field(
        default_factory=list
    )
    headers: Annotated[list[HeaderMatch], Meta(max_length=20)] = field(default_factory=list)
    query: Annotated[list[FieldMatch], Meta(max_length=20)] = field(default_factory=list)
    cookies: Annotated[list[FieldMatch], Meta(max_length=20)] = field(default_factory=list)
    sources: Annotated[list[SourcePattern], Meta(max_length=50)] = field(default_factory=list)


class Timeouts(Value, frozen=True, kw_only=True):
    """``request_ms`` covers the whole exchange; ``idle_ms`` the silence within it."""

    request_ms: Milliseconds = 15_000
    idle_ms: Milliseconds = 300_000


# What has no part that is written differently is the wire's own value, but refuses unknown fields and shows defaults.


class HeaderOps(routing.HeaderOps, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """What is done to a message's fields, in this order: ``remove``, ``set`` (replacing what has the name), ``add``.
    Names are lower case; those that frame a message or belong to one hop are refused."""


class Redirect(routing.Redirect, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """An answer that sends the client elsewhere. What is empty (or 0) stays as the request has it; ``path`` replaces
    the whole path, ``prefix`` what a prefix match matched; the query stays unless ``strip_query``."""


class DirectResponse(
    routing.DirectResponse, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False
):
    """An answer of the proxy itself."""


class Rewrite(routing.Rewrite, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """What the instance is asked instead; the query stays. At most one of ``path`` (the whole path), ``prefix`` (what
    a prefix match matched) and ``regex`` (RE2; every match within the path becomes ``substitution``, with groups as
    ``\\1``). ``host`` replaces the Host field."""


class Mirror(routing.Mirror, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Copies of requests go to ``version`` too; their answers are thrown away. ``unsafe`` copies also requests whose
    method may change something (anything but GET, HEAD, OPTIONS, TRACE)."""


class Fault(routing.Fault, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Faults put in on purpose: a delay, an answer instead of the instance's, each for a share of the requests; with
    ``header`` only for requests that carry it."""


class Sticky(routing.Sticky, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """The version is chosen by who asks, not at random. Without the ``cookie`` a request gets one with its response
    (``ttl_s`` seconds long, 0: for the browser's session); without the ``header`` the choice is random; ``source`` is
    the peer's service, or its address."""


class RateLimit(routing.RateLimit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """At most ``requests`` in ``per_ms``, ``burst`` of them at once (0: as many as ``requests``), counted apart for
    each combination of ``by``: ``source`` (the peer's service, or its address) and ``header:name``. A request above it
    gets 429. ``local`` holds for each proxy, ``global`` for all of them together; where the shared count cannot be
    asked in time, ``on_error`` says whether a request passes or gets 503. Of a list, the local ones are judged first.
    """


Limits = Annotated[list[RateLimit], Meta(max_length=20)]


class Retry(resilience.Retry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """When a failed try is followed by another, on another instance where there is one.

    ``attempts`` counts the tries after the first (0: none). Any request: ``connect-failure`` (no connection;
    ``refused`` is the part of it where the instance's host refused). Idempotent methods, or all where ``unsafe``:
    ``reset-before-request`` (a kept connection was closed before a byte of the response), ``reset`` (the connection
    was lost before the response), ``gateway-error`` (502, 503, 504), ``5xx`` (any, or a reset), the statuses in
    ``codes``, and a try that had no response after ``per_try_timeout_ms`` (0: no such limit). The wait before retry n
    is random within ``backoff_ms`` * 2**(n-1), at most ``backoff_max_ms``. A request longer than 64 KiB is not sent
    again.
    """


class Backend(Value, frozen=True, kw_only=True):
    """What is done to messages to and from one version; it comes after what the route does."""

    request_headers: HeaderOps | None = None
    response_headers: HeaderOps | None = None


class Route(Value, frozen=True, kw_only=True):
    """An ordered rule, first match wins. It forwards (``weights`` of None follows the service's split), unless it has
    a ``redirect`` or a ``direct`` response. Limits are judged first, then the fault, then the rest."""

    name: VersionName
    match: RouteMatch = field(default_factory=RouteMatch)
    weights: Split | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: Retry = field(default_factory=Retry)
    redirect: Redirect | None = None
    direct: DirectResponse | None = None
    rewrite: Rewrite | None = None
    request_headers: HeaderOps | None = None
    response_headers: HeaderOps | None = None
    backends: dict[VersionName, Backend] = field(default_factory=dict)
    mirror: Mirror | None = None
    fault: Fault | None = None
    sticky: Sticky | None = None
    limits: Limits = field(default_factory=list)


class Fallback(Value, frozen=True, kw_only=True):
    """What proxies do by themselves when they have not heard from the control plane for ``after_ms``: ``version`` gets
    everything, as though there were no overlay."""

    version: VersionName
    after_ms: Milliseconds


class Overlay(Value, frozen=True, kw_only=True):
    """What a rollout lays over a service's own routes, which stay as they are: requests that meet one of ``matches``
    go to ``canary``; where a route follows the split and has no mirror or stickiness of its own, it has these."""

    canary: VersionName
    matches: Annotated[list[RouteMatch], Meta(max_length=20)] = field(default_factory=list)
    mirror: Mirror | None = None
    sticky: Sticky | None = None
    fallback: Fallback | None = None


class HashOn(resilience.HashOn, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """What of a request ``maglev`` hashes: a cookie's or a header's value, or the peer's service or address. A request
    without it goes anywhere."""


class Balancer(Value, frozen=True, kw_only=True):
    """How one of a version's instances is chosen: ``least_request`` and ``peak_ewma`` take the better of two by open
    requests or by expected latency; ``maglev`` gives requests with an equal ``hash`` the same one.

    Under ``panic_percent`` healthy all are used. A new instance reaches its full share after ``slow_start_ms`` (0: at
    once).
    """

    policy: Literal["least_request", "peak_ewma", "round_robin", "random", "maglev"] = "least_request"
    hash: HashOn = field(default_factory=HashOn)
    slow_start_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    panic_percent: resilience.Percent = 50


class Breaker(resilience.Breaker, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """What one proxy has open with the service at most: connections, requests waiting for one, requests, and requests
    in a retry (where there is no retry budget). More is answered 503 at once."""


class RetryBudget(resilience.RetryBudget, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """At most ``percent`` of the requests in their first try may be in a retry at a time, but always ``min``."""


class Outlier(resilience.Outlier, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Ejects an instance after so many 5xx, or gateway errors (502 to 504, or no response), in a row (0: not for
    that), for ``eject_ms`` times the number of its recent ejections, at most ``eject_max_ms``. Every ``interval_ms``
    each proxy looks whether one is due back. At most ``max_percent`` of the instances are out, but always one may be.
    """


class HealthCheck(resilience.HealthCheck, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Each calling proxy asks every instance each ``interval_ms`` (up to ``jitter_percent`` sooner or later): ``tcp``
    connects, ``http`` wants a 2xx for GET ``path``. So many passed or failed checks in a row make it healthy or
    unhealthy."""


class Resilience(Value, frozen=True, kw_only=True):
    """How callers of a service choose its instances and guard themselves. ``outlier`` and ``health_check`` of None are
    off; without a ``retry_budget`` the breaker's count limits retries. ``idle_timeout_ms`` is of a ``tcp`` service's
    connections, where what counts requests means nothing; of an ``http`` one the routes say it."""

    connect_timeout_ms: Milliseconds = 1_000
    balancer: Balancer = field(default_factory=Balancer)
    breaker: Breaker = field(default_factory=Breaker)
    retry_budget: RetryBudget | None = field(default_factory=RetryBudget)
    outlier: Outlier | None = field(default_factory=Outlier)
    health_check: HealthCheck | None = None
    idle_timeout_ms: Milliseconds = TCP_IDLE_MS


class Instance(Value, frozen=True, kw_only=True):
    """A running copy of a version. ``tls`` says that a sidecar with a mesh identity receives for it."""

    id: str
    address: str
    port: int
    version: str
    tls: bool
    healthy: bool
    draining: bool
    weight: int = 100
    locality: str = ""


class Service(Value, frozen=True, kw_only=True):
    """A service whole: what the ``service``, ``endpoints`` and ``inbound`` resources are made of. ``limits`` are what
    its instances take; ``secured`` says whether proxies are called over mTLS. A ``tcp`` one has a ``port``, and neither
    routes nor limits."""

    name: ServiceName
    trust_domain: str
    protocol: Protocol = "http"
    port: int = 0
    versions: tuple[str, ...]
    split: Split
    routes: tuple[Route, ...]
    overlay: Overlay | None = None
    resilience: Resilience = field(default_factory=Resilience)
    limits: tuple[RateLimit, ...] = ()
    secured: bool = True
    instances: tuple[Instance, ...] = ()


class GatewayHost(Value, frozen=True, kw_only=True):
    """A host that a gateway serves (a name, ``*.suffix`` or ``*``) and where it leads."""

    host: str
    service: ServiceName


class Proxy(Value, frozen=True, kw_only=True):
    """A sidecar or gateway. ``protocol`` is its service's, ``hosts`` are its gateway's; its listeners are where it said
    it would listen. ``renew`` is the serial of its certificate, where that is to be renewed at once."""

    id: str
    service: ServiceName
    trust_domain: str
    protocol: Protocol = "http"
    version: str
    listeners: tuple[Listener, ...]
    hosts: tuple[GatewayHost, ...] = ()
    renew: str = ""
    locality: str = ""


DEFAULT_ROUTES = (Route(name="default"),)
"""What a new service starts with: everything follows its split."""
