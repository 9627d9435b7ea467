"""What a route matches and what it does with a request: parts of a service's resource."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from proxies.wire.base import Body, Label, Milliseconds
from proxies.wire.resilience import Retry

SourcePattern = Annotated[
    str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)$")
]
Weight = Annotated[int, Meta(ge=0, le=1_000_000)]
FieldName = Annotated[str, Meta(pattern=r"^[a-z0-9!#$%&'*+.^_`|~-]+$", max_length=256)]
FieldValue = Annotated[str, Meta(pattern=r"^([!-~]([ -~]*[!-~])?)?$", max_length=4096)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class PathMatch(Body, frozen=True, kw_only=True):
    """A condition on the normalised path, without query.

    ``exact`` compares it whole; ``prefix`` matches on segment borders (``/a`` matches ``/a/b``, not ``/ab``);
    ``template`` matches segment by segment, where ``{x}`` stands for any one and a last ``{x=**}`` for all the rest;
    ``regex`` (RE2 syntax) must match all of it.
    """

    kind: Literal["exact", "prefix", "template", "regex"]
    value: Annotated[str, Meta(min_length=1, max_length=4096)]


class FieldMatch(Body, frozen=True, kw_only=True):
    """A condition on a named value. ``present`` compares none; ``regex`` (RE2) must match it whole; ``invert`` turns
    the answer round."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    kind: Literal["exact", "prefix", "regex", "present"]
    value: Annotated[str, Meta(max_length=4096)] = ""
    invert: bool = False


class HeaderMatch(FieldMatch, frozen=True, kw_only=True):
    """``name`` is lower case; several values compare as RFC 9110 section 5.3 joins them."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9!#$%&'*+.^_`|~-]+$", max_length=256)]


class RouteMatch(Body, frozen=True, kw_only=True):
    """All conditions hold (AND); an absent one puts none. ``methods`` are ORed, upper case.

    ``query`` and ``cookies`` compare decoded values, of several with one name the first. ``sources`` are ORed: the
    service that routes (an app's by its sidecar, or a gateway), as ``namespace/name`` or ``namespace/*``.
    """

    path: PathMatch | None = None
    methods: list[Annotated[str, Meta(pattern=r"^[A-Z][A-Z-]{0,31}$")]] = field(default_factory=list)
    headers: list[HeaderMatch] = field(default_factory=list)
    query: list[FieldMatch] = field(default_factory=list)
    cookies: list[FieldMatch] = field(default_factory=list)
    sources: list[SourcePattern] = field(default_factory=list)


class HeaderOps(Body, frozen=True, kw_only=True):
    """What is done to a message's fields, in this order: ``remove``, ``set`` (replacing what has the name), ``add``.
    Names are lower case; those that frame a message or belong to one hop are refused."""

    set: dict[FieldName, FieldValue] = field(default_factory=dict)
    add: dict[FieldName, FieldValue] = field(default_factory=dict)
    remove: list[FieldName] = field(default_factory=list)


class WeightedVersion(Body, frozen=True, kw_only=True):
    """A version's weight; its share is ``weight / sum`` of its list. The operations come after the route's."""

    version: Label
    weight: Weight
    request_headers: HeaderOps | None = None
    response_headers: HeaderOps | None = None


class Redirect(Body, frozen=True, kw_only=True):
    """An answer that sends the client elsewhere. What is empty (or 0) stays as the request has it; ``path`` replaces
    the whole path, ``prefix`` what a prefix match matched; the query stays unless ``strip_query``."""

    code: Literal[301, 302, 303, 307, 308] = 302
    scheme: Literal["", "http", "https"] = ""
    host: Annotated[str, Meta(max_length=253)] = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    path: Annotated[str, Meta(max_length=4096)] = ""
    prefix: Annotated[str, Meta(max_length=4096)] = ""
    strip_query: bool = False


class DirectResponse(Body, frozen=True, kw_only=True):
    """An answer of the proxy itself."""

    status: Annotated[int, Meta(ge=200, le=599)]
    body: Annotated[str, Meta(max_length=16384)] = ""
    content_type: Annotated[str, Meta(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=256)] = "text/plain; charset=utf-8"


class Rewrite(Body, frozen=True, kw_only=True):
    """What the endpoint is asked instead; the query stays. At most one of ``path`` (the whole path), ``prefix`` (what
    a prefix match matched) and ``regex`` (RE2; every match within the path becomes ``substitution``, with groups as
    ``\\1``). ``host`` replaces the Host field."""

    path: Annotated[str, Meta(max_length=4096)] = ""
    prefix: Annotated[str, Meta(max_length=4096)] = ""
    regex: Annotated[str, Meta(max_length=4096)] = ""
    substitution: Annotated[str, Meta(max_length=4096)] = ""
    host: Annotated[str, Meta(max_length=253)] = ""


class Mirror(Body, frozen=True, kw_only=True):
    """Copies of requests go to ``version`` too; their answers are thrown away. ``unsafe`` copies also requests whose
    method may change something (anything but GET, HEAD, OPTIONS, TRACE)."""

    version: Label
    percent: Percent = 100.0
    unsafe: bool = False


class Fault(Body, frozen=True, kw_only=True):
    """Faults put in on purpose: a delay, an answer instead of the endpoint's, each for a share of the requests; with
    ``header`` only for requests that carry it."""

    delay_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 0
    delay_percent: Percent = 100.0
    abort_status: Annotated[int, Meta(ge=0, le=599)] = 0
    abort_percent: Percent = 100.0
    header: Annotated[str, Meta(pattern=r"^[a-z0-9!#$%&'*+.^_`|~-]*$", max_length=256)] = ""


class Sticky(Body, frozen=True, kw_only=True):
    """The version is chosen by who asks, not at random. Without the ``cookie`` a request gets one with its response
    (``ttl_s`` seconds long, 0: for the browser's session); without the ``header`` the choice is random; ``source`` is
    the peer's service, or its address."""

    kind: Literal["cookie", "header", "source"]
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]*$", max_length=128)] = ""
    ttl_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 0


class RateLimit(Body, frozen=True, kw_only=True):
    """At most ``requests`` in ``per_ms``, ``burst`` of them at once (0: as many as ``requests``), counted apart for
    each combination of ``by``: ``source`` (the peer's service, or its address) and ``header:name``. A request above it
    gets 429. ``local`` holds for each proxy, ``global`` for all of them together; where the shared count cannot be
    asked in time, ``on_error`` says whether a request passes or gets 503. Of a list, the local ones are judged first.
    """

    name: Label
    requests: Annotated[int, Meta(ge=1, le=1_000_000)]
    per_ms: Milliseconds = 1_000
    burst: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    by: list[Annotated[str, Meta(pattern=r"^(source|header:[a-z0-9!#$%&'*+.^_`|~-]{1,128})$")]] = field(
        default_factory=list
    )
    scope: Literal["local", "global"] = "local"
    on_error: Literal["allow", "deny"] = "allow"


class Timeouts(Body, frozen=True, kw_only=True):
    """``request_ms`` covers the whole exchange, ``idle_ms`` the silence within it (both directions)."""

    request_ms: Milliseconds = 15_000
    idle_ms: Milliseconds = 300_000


class Route(Body, frozen=True, kw_only=True):
    """An ordered rule: first match wins. It forwards (``split`` of None follows the service's own), unless it has a
    ``redirect`` or a ``direct`` response. Limits are judged first, then the fault, then the rest."""

    name: Label
    match: RouteMatch = field(default_factory=RouteMatch)
    split: Annotated[list[WeightedVersion], Meta(min_length=1)] | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: Retry = field(default_factory=Retry)
    redirect: Redirect | None = None
    direct: DirectResponse | None = None
    rewrite: Rewrite | None = None
    request_headers: HeaderOps | None = None
    response_headers: HeaderOps | None = None
    mirror: Mirror | None = None
    fault: Fault | None = None
    sticky: Sticky | None = None
    limits: list[RateLimit] = field(default_factory=list)
