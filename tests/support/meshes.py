"""Hypothesis strategies for services of the mesh, all of them valid."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from meshui.mesh import values
from meshui.mesh.names import LABEL, VERSION, ServiceName

LABELS = st.from_regex(LABEL, fullmatch=True)
VERSIONS = st.from_regex(VERSION, fullmatch=True)
NAMES = st.builds(ServiceName, LABELS, LABELS)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"])
PATHS = st.from_regex(r"/[a-z0-9/]{0,20}", fullmatch=True)


@st.composite
def splits(draw: st.DrawFn, versions: Sequence[str]) -> dict[str, int]:
    """Weights for some of the versions, summing to 100."""
    chosen = draw(st.lists(st.sampled_from(versions), min_size=1, max_size=len(versions), unique=True))
    cuts = sorted(draw(st.integers(0, 100)) for _ in chosen[1:])
    edges = [0, *cuts, 100]
    return {version: edges[i + 1] - edges[i] for i, version in enumerate(chosen)}


HEADERS = st.builds(
    values.HeaderMatch,
    name=st.from_regex(r"[a-zA-Z][a-zA-Z-]{0,10}", fullmatch=True),
    kind=st.sampled_from(["exact", "prefix"]),
    value=st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True),
    invert=st.booleans(),
)
FIELDS = st.builds(
    values.FieldMatch,
    name=st.text(min_size=1, max_size=10),
    kind=st.sampled_from(["exact", "prefix", "regex"]),
    value=st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True),
    invert=st.booleans(),
)
MATCHES = st.builds(
    values.RouteMatch,
    path=st.none()
    | st.builds(values.PathMatch, kind=st.sampled_from(["exact", "prefix", "template", "regex"]), value=PATHS),
    methods=st.lists(METHODS, max_size=4),
    headers=st.lists(HEADERS, max_size=3),
    query=st.lists(FIELDS, max_size=2),
    cookies=st.lists(FIELDS, max_size=2),
    sources=st.lists(
        st.builds(lambda name, all_: f"{name.namespace}/{'*' if all_ else name.name}", NAMES, st.booleans())
    ),
)


TEXTS = st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True)
PERCENTS = st.integers(0, 100).map(float)
HEADER_OPS = st.builds(
    values.HeaderOps,
    set=st.dictionaries(st.sampled_from(["x-a", "x-b"]), TEXTS),
    add=st.dictionaries(st.sampled_from(["x-a", "x-c"]), TEXTS),
    remove=st.lists(st.sampled_from(["cookie", "x-d"]), max_size=2),
)
LIMITS = st.lists(
    st.builds(
        values.RateLimit,
        name=LABELS,
        requests=st.integers(1, 1000),
        per_ms=st.integers(1, 10_000),
        by=st.lists(st.sampled_from(["source", "header:x-key"]), unique=True),
    ),
    max_size=3,
    unique_by=lambda limit: limit.name,
)
RETRIES = st.builds(
    values.Retry,
    attempts=st.integers(0, 10),
    on=st.lists(
        st.sampled_from(["connect-failure", "refused", "reset-before-request", "reset", "gateway-error", "5xx"]),
        min_size=1,
        unique=True,
    ),
    codes=st.lists(st.integers(400, 599), max_size=3, unique=True),
    per_try_timeout_ms=st.integers(0, 14_999),
    unsafe=st.booleans(),
    backoff_ms=st.integers(1, 250),
    backoff_max_ms=st.integers(250, 10_000),
)
COUNTS = st.integers(0, 2000)
HASHES = st.builds(values.HashOn) | st.builds(values.HashOn, kind=st.sampled_from(["cookie", "header"]), name=TEXTS)
BALANCERS = st.builds(
    values.Balancer,
    policy=st.sampled_from(["least_request", "peak_ewma", "round_robin", "random"]),
    slow_start_ms=COUNTS,
    panic_percent=st.integers(0, 100),
) | st.builds(values.Balancer, policy=st.just("maglev"), hash=HASHES)
BREAKERS = st.builds(values.Breaker, connections=COUNTS, pending=COUNTS, requests=COUNTS)
OUTLIERS = st.builds(
    values.Outlier,
    consecutive_5xx=COUNTS,
    eject_ms=st.integers(1, 1000),
    eject_max_ms=st.integers(1000, 2000),
    max_percent=st.integers(0, 100),
)
HEALTH_CHECKS = st.builds(values.HealthCheck, path=PATHS, healthy=st.integers(1, 100)) | st.builds(
    values.HealthCheck, kind=st.just("tcp"), interval_ms=st.integers(1, 1000)
)
BUDGETED = st.builds(
    values.Resilience,
    connect_timeout_ms=st.integers(1, 5000),
    balancer=BALANCERS,
    breaker=BREAKERS,
    retry_budget=st.builds(values.RetryBudget, percent=st.integers(0, 100), min=COUNTS),
    outlier=st.none() | OUTLIERS,
    health_check=st.none() | HEALTH_CHECKS,
)
COUNTED = st.builds(values.Resilience, breaker=st.builds(values.Breaker, retries=COUNTS), retry_budget=st.none())
RESILIENCE = BUDGETED | COUNTED


@st.composite
def routes(draw: st.DrawFn, name: str, versions: Sequence[str]) -> values.Route:
    """A route that forwards with any of the actions, or answers itself."""
    match, limits = draw(MATCHES), draw(LIMITS)
    answer = draw(st.sampled_from(["", "redirect", "direct"]))
    if answer == "redirect":
        redirect = values.Redirect(path="/x", code=draw(st.sampled_from([301, 308])), host=draw(st.just("") | LABELS))
        return values.Route(name=name, match=match, limits=limits, redirect=redirect)
    if answer == "direct":
        direct = values.DirectResponse(status=draw(st.integers(205, 299)), body=draw(TEXTS))
        return values.Route(name=name, match=match, limits=limits, direct=direct)
    weights = draw(st.none() | splits(versions))
    operations = st.none() | HEADER_OPS
    backends = draw(
        st.dictionaries(
            st.sampled_from(versions if weights is None else sorted(weights)),
            st.builds(values.Backend, request_headers=operations, response_headers=operations),
        )
    )
    return values.Route(
        name=name,
        match=match,
        limits=limits,
        weights=weights,
        retry=draw(RETRIES),
        backends=backends,
        rewrite=draw(st.none() | st.builds(values.Rewrite, path=PATHS, host=st.just("") | LABELS)),
        request_headers=draw(operations),
        response_headers=draw(operations),
        mirror=draw(st.none() | st.builds(values.Mirror, version=st.sampled_from(versions), percent=PERCENTS)),
        fault=draw(st.none() | st.builds(values.Fault, delay_ms=st.integers(1, 1000), delay_percent=PERCENTS)),
        sticky=draw(st.none() | st.builds(values.Sticky, kind=st.just("header"), name=TEXTS)),
    )


@st.composite
def services(draw: st.DrawFn) -> values.Service:
    versions = draw(st.lists(VERSIONS, min_size=1, max_size=4, unique=True))
    names = draw(st.lists(LABELS, min_size=1, max_size=4, unique=True))
    ids = draw(st.lists(LABELS, max_size=5, unique=True))
    return values.Service(
        name=draw(NAMES),
        trust_domain="mesh.local",
        versions=tuple(versions),
        split=draw(splits(versions)),
        routes=tuple(draw(routes(name, versions)) for name in names),
        resilience=draw(RESILIENCE),
        limits=tuple(draw(LIMITS)),
        instances=tuple(
            values.Instance(
                id=instance,
                address="10.0.0.1",
                port=draw(st.integers(1, 65535)),
                version=draw(st.sampled_from(versions)),
                tls=draw(st.booleans()),
                healthy=draw(st.booleans()),
                draining=draw(st.booleans()),
                weight=draw(st.integers(1, 1000)),
                locality=draw(st.sampled_from(["", "eu", "eu/a", "us/b"])),
            )
            for instance in ids
        ),
    )


@st.composite
def overlays(draw: st.DrawFn, service: values.Service) -> values.Overlay:
    """What a rollout may lay over the service."""
    version = st.sampled_from(service.versions)
    matches = st.builds(
        values.RouteMatch,
        headers=st.lists(HEADERS, min_size=1, max_size=2),
        methods=st.lists(METHODS, max_size=2),
    )
    return values.Overlay(
        canary=draw(version),
        matches=draw(st.lists(matches, max_size=3)),
        mirror=draw(st.none() | st.builds(values.Mirror, version=version, percent=PERCENTS)),
        sticky=draw(st.none() | st.builds(values.Sticky, kind=st.just("header"), name=TEXTS)),
        fallback=draw(st.none() | st.builds(values.Fallback, version=version, after_ms=st.integers(1, 600_000))),
    )
