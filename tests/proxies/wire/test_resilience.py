"""The defaults that nothing inherits by accident, and reports that older and newer sides both read."""

from __future__ import annotations

import msgspec
import pytest

from proxies.wire.reports import EdgeDelta, Gauges, ServiceState
from proxies.wire.resilience import Balancer, Breaker, HealthCheck, Outlier, Retry, RetryBudget
from proxies.wire.resources import ResourceError, ServiceBody, decode_file
from proxies.wire.routing import Route

SERVICE = b'{"resources": [{"kind": "service", "name": "a/b", "body": {"hosts": ["b"], "versions": ["v1"], %b}}]}'


def service(more: bytes, route: bytes = b"") -> ServiceBody:
    split = b'"split": [{"version": "v1", "weight": 1}], "routes": [{"name": "r"%b}]%b' % (route, more)
    body = decode_file(SERVICE % split)[0].body
    assert isinstance(body, ServiceBody)
    return body


def test_what_is_not_said_has_the_documented_defaults() -> None:
    body = service(b"")
    assert body.breaker == Breaker(connections=1024, pending=1024, requests=1024, retries=3)
    assert body.retry_budget == RetryBudget(percent=20, min=3)
    assert body.outlier == Outlier(
        consecutive_5xx=5,
        consecutive_gateway=5,
        interval_ms=10_000,
        eject_ms=30_000,
        eject_max_ms=300_000,
        max_percent=10,
    )
    assert body.health_check is None
    assert (body.balancer.policy, body.balancer.panic_percent, body.balancer.slow_start_ms) == ("least_request", 50, 0)
    assert body.connect_timeout_ms == 1000
    (route,) = body.routes
    assert (route.timeouts.request_ms, route.timeouts.idle_ms) == (15_000, 300_000)
    assert route.retry == Retry(
        attempts=1,
        on=["connect-failure", "reset-before-request", "refused"],
        per_try_timeout_ms=0,
        unsafe=False,
        backoff_ms=25,
        backoff_max_ms=250,
    )


def test_what_can_be_off_can_be_said_to_be_off() -> None:
    body = service(b', "outlier": null, "retry_budget": null, "health_check": {"kind": "tcp"}')
    assert (body.outlier, body.retry_budget) == (None, None)
    assert body.health_check == HealthCheck(kind="tcp")


@pytest.mark.parametrize(
    ("more", "route", "named"),
    [
        (b', "breaker": {"requests": -1}', b"", "breaker.requests"),
        (b', "retry_budget": {"percent": 101}', b"", "retry_budget.percent"),
        (b', "outlier": {"interval_ms": 0}', b"", "outlier.interval_ms"),
        (b', "health_check": {"path": "healthz"}', b"", "health_check.path"),
        (b', "health_check": {"path": "/a b"}', b"", "health_check.path"),
        (b', "balancer": {"policy": "best"}', b"", "balancer.policy"),
        (b"", b', "retry": {"attempts": 11}', "retry.attempts"),
        (b"", b', "retry": {"on": ["moonlight"]}', "retry.on"),
        (b"", b', "retry": {"codes": [200]}', "retry.codes"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(more: bytes, route: bytes, named: str) -> None:
    with pytest.raises(ResourceError, match=named):
        service(more, route)


def test_reports_without_the_newer_fields_are_read() -> None:
    edge = ["source", "a/b", "v1", "c/d", "v1", "r", "http", True, [[200, "", 1]], 1, 2, [5, 1]]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(edge), type=EdgeDelta).retries == 0
    gauges = msgspec.msgpack.decode(msgspec.msgpack.encode([1, 2, 3, 0.5]), type=Gauges)
    assert gauges == Gauges(1, 2, 3, 0.5)
    state = ServiceState("a/b", 1, 0, 2, 1, ["retries"], ["e-1"], [])
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(Gauges(services=[state])), type=Gauges)
    assert again.services == [state]


def test_a_body_at_its_defaults_survives_the_codec() -> None:
    route = Route(name="r", retry=Retry(on=["5xx"], attempts=2))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(route), type=Route) == route
    assert Balancer() == msgspec.json.decode(msgspec.json.encode(Balancer()), type=Balancer)
