"""The values that the compiler reads: what a team has decided about its services.

Types and ranges are checked where a value is made from JSON (``msgspec.convert``); rules that span fields are in
``meshui.mesh.invariants``. Durations are integer milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from meshui.mesh.names import ServiceName
from proxies.wire.resources import Listener
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


class Route(Value, frozen=True, kw_only=True):
    """An ordered rule, first match wins. ``weights`` of None follows the service's split."""

    name: VersionName
    match: RouteMatch = field(default_factory=RouteMatch)
    weights: Split | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)


class Resilience(Value, frozen=True, kw_only=True):
    """How callers of a service guard themselves."""

    connect_timeout_ms: Milliseconds = 1_000


class Instance(Value, frozen=True, kw_only=True):
    """A running copy of a version. ``tls`` says that a sidecar with a mesh identity receives for it."""

    id: str
    address: str
    port: int
    version: str
    tls: bool
    healthy: bool
    draining: bool


class Service(Value, frozen=True, kw_only=True):
    """A service whole: what the ``service`` and ``endpoints`` resources are made of."""

    name: ServiceName
    trust_domain: str
    versions: tuple[str, ...]
    split: Split
    routes: tuple[Route, ...]
    resilience: Resilience = field(default_factory=Resilience)
    instances: tuple[Instance, ...] = ()


class GatewayHost(Value, frozen=True, kw_only=True):
    """A host that a gateway serves (a name, ``*.suffix`` or ``*``) and where it leads."""

    host: str
    service: ServiceName


class Proxy(Value, frozen=True, kw_only=True):
    """A sidecar or gateway. ``hosts`` are its gateway's; its listeners are where it said it would listen."""

    id: str
    service: ServiceName
    trust_domain: str
    version: str
    listeners: tuple[Listener, ...]
    hosts: tuple[GatewayHost, ...] = ()


DEFAULT_ROUTES = (Route(name="default"),)
"""What a new service starts with: everything follows its split."""
