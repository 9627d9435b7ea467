"""How a caller balances over a service's endpoints and what it does when they fail: parts of a service's resource.

Every default is written here; nothing is inherited from elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from proxies.wire.base import Body, Milliseconds

Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[int, Meta(ge=0, le=100)]
RetryOn = Literal["connect-failure", "refused", "reset-before-request", "reset", "gateway-error", "5xx"]


class Retry(Body, frozen=True, kw_only=True):
    """When a failed try is followed by another, on another endpoint where there is one.

    ``attempts`` counts the tries after the first. Any request: ``connect-failure`` (no connection; ``refused`` is the
    part of it where the endpoint's host refused). Idempotent methods, or all where ``unsafe``:
    ``reset-before-request`` (a kept connection was closed before a byte of the response), ``reset`` (the connection
    was lost, or spoke nonsense, before the response), ``gateway-error`` (502, 503, 504), ``5xx`` (any, or a reset), the
    statuses in ``codes``, and a try that had no response after ``per_try_timeout_ms`` (0: no such limit).
    The wait before retry n is random within ``backoff_ms`` * 2**(n-1), at most ``backoff_max_ms``. A request
    longer than 64 KiB is not sent again.
    """

    attempts: Annotated[int, Meta(ge=0, le=10)] = 1
    on: list[RetryOn] = field(default_factory=lambda: ["connect-failure", "reset-before-request", "refused"])
    codes: list[Annotated[int, Meta(ge=400, le=599)]] = field(default_factory=list)
    per_try_timeout_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    unsafe: bool = False
    backoff_ms: Milliseconds = 25
    backoff_max_ms: Milliseconds = 250


class RetryBudget(Body, frozen=True, kw_only=True):
    """At most ``percent`` of the requests in their first try may be in a retry at a time, but always ``min``."""

    percent: Percent = 20
    min: Count = 3


class Breaker(Body, frozen=True, kw_only=True):
    """What one proxy has open with a service at most: connections, requests waiting for one, requests, and requests
    in a retry (where there is no retry budget). More is answered 503 at once."""

    connections: Count = 1024
    pending: Count = 1024
    requests: Count = 1024
    retries: Count = 3


class Outlier(Body, frozen=True, kw_only=True):
    """Ejects an endpoint after so many 5xx, or gateway errors (502 to 504, or no response), in a row (0: not for
    that), for ``eject_ms`` times the number of its recent ejections, and looks every ``interval_ms`` whether one is due
    back. At most ``max_percent`` of a service's endpoints are out, but always one may be."""

    consecutive_5xx: Count = 5
    consecutive_gateway: Count = 5
    interval_ms: Milliseconds = 10_000
    eject_ms: Milliseconds = 30_000
    eject_max_ms: Milliseconds = 300_000
    max_percent: Percent = 10


class HealthCheck(Body, frozen=True, kw_only=True):
    """Asks every endpoint each ``interval_ms`` (up to ``jitter_percent`` sooner or later): ``tcp`` connects, ``http``
    wants a 2xx for GET ``path``. So many passed or failed checks in a row make it healthy or unhealthy."""

    kind: Literal["http", "tcp"] = "http"
    path: Annotated[str, Meta(pattern=r"^/[!-~]*$", max_length=1024)] = "/"
    interval_ms: Milliseconds = 10_000
    timeout_ms: Milliseconds = 1_000
    healthy: Annotated[int, Meta(ge=1, le=100)] = 2
    unhealthy: Annotated[int, Meta(ge=1, le=100)] = 3
    jitter_percent: Percent = 10


class HashOn(Body, frozen=True, kw_only=True):
    """What of a request ``maglev`` hashes: a cookie's or a header's value, or the peer's service or address. A request
    without it goes anywhere."""

    kind: Literal["cookie", "header", "source"] = "source"
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]*$", max_length=128)] = ""


class Balancer(Body, frozen=True, kw_only=True):
    """How one of a version's endpoints is chosen, by their weights: ``least_request`` and ``peak_ewma`` take the better
    of two by open requests or by expected latency; ``maglev`` gives requests with an equal ``hash`` the same one.

    Endpoints in the proxy's own locality come first; others take over as healthy ones become fewer, unless
    ``locality_failover`` is off: then all count the same. Under ``panic_percent`` healthy all are used. A new endpoint
    reaches its full weight after ``slow_start_ms`` (0: at once).
    """

    policy: Literal["least_request", "peak_ewma", "round_robin", "random", "maglev"] = "least_request"
    hash: HashOn = field(default_factory=HashOn)
    slow_start_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    panic_percent: Percent = 50
    locality_failover: bool = True
