"""Invariants: valid services have no breach; each rule, broken, is one that names its field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshui.mesh.invariants import route_breaches, service_breaches, split_breaches
from meshui.mesh.names import ServiceName
from meshui.mesh.values import Balancer, HashOn, Instance, Redirect, Resilience, Retry, Route, Service, Timeouts
from tests.support.meshes import services, splits

VERSIONS = ["v1", "v2", "v3"]


@given(services())
def test_a_valid_service_has_no_breach(service: Service) -> None:
    assert list(service_breaches(service)) == []


@given(splits(VERSIONS), st.sampled_from(VERSIONS), st.integers(-200, 200).filter(bool))
def test_a_split_that_is_moved_off_its_sum_is_one(split: dict[str, int], version: str, by: int) -> None:
    moved = {**split, version: split.get(version, 0) + by}
    codes = {(breach.path, breach.code) for breach in split_breaches(moved, set(VERSIONS))}
    assert ("weights", "sum") in codes
    assert (("weights." + version, "range") in codes) == (not 0 <= moved[version] <= 100)


@given(splits(VERSIONS))
def test_a_split_of_a_version_that_is_gone_is_one(split: dict[str, int]) -> None:
    gone = next(iter(split))
    breaches = list(split_breaches(split, set(VERSIONS) - {gone}))
    assert [(breach.path, breach.code) for breach in breaches] == [(f"weights.{gone}", "unknown_version")]


def _service() -> Service:
    return Service(
        name=ServiceName("shop", "catalog"),
        trust_domain="mesh.local",
        versions=("v1", "v2"),
        split={"v1": 100},
        routes=(Route(name="default"),),
    )


@pytest.mark.parametrize(
    ("breaking", "path", "code"),
    [
        (lambda s: replace(s, split={"v1": 99}), "split", "sum"),
        (lambda s: replace(s, split={"v9": 100}), "split.v9", "unknown_version"),
        (lambda s: replace(s, routes=()), "routes", "required"),
        (lambda s: replace(s, routes=(Route(name="a"), Route(name="a"))), "routes.1.name", "duplicate"),
        (lambda s: replace(s, routes=tuple(Route(name=f"r{n}") for n in range(201))), "routes", "too_many"),
        (lambda s: replace(s, routes=(Route(name="a", weights={}),)), "routes.0.weights", "sum"),
        (
            lambda s: replace(s, routes=(Route(name="a", weights={"v9": 100}),)),
            "routes.0.weights.v9",
            "unknown_version",
        ),
        (
            lambda s: replace(s, routes=(Route(name="a", retry=Retry(codes=[500, 500])),)),
            "routes.0.retry.codes.1",
            "duplicate",
        ),
        (
            lambda s: replace(
                s, routes=(Route(name="a", timeouts=Timeouts(request_ms=9), retry=Retry(per_try_timeout_ms=9)),)
            ),
            "routes.0.retry.per_try_timeout_ms",
            "range",
        ),
        (
            lambda s: replace(s, routes=(Route(name="a", redirect=Redirect(path="/"), retry=Retry(attempts=0)),)),
            "routes.0.retry",
            "conflict",
        ),
        (
            lambda s: replace(s, resilience=Resilience(balancer=Balancer(policy="maglev", hash=HashOn(kind="header")))),
            "resilience.balancer.hash.name",
            "required",
        ),
        (lambda s: replace(s, instances=(_instance("v9"),)), "instances.i.version", "unknown_version"),
    ],
)
def test_each_broken_rule_is_named(breaking: Callable[[Service], Service], path: str, code: str) -> None:
    breaches = list(service_breaches(breaking(_service())))
    assert [(breach.path, breach.code) for breach in breaches] == [(path, code)]


def test_a_retry_that_is_off_needs_no_failure_to_follow() -> None:
    assert list(route_breaches([Route(name="a", retry=Retry(attempts=0, on=[]))], {"v1"})) == []


def test_all_breaches_are_told_at_once() -> None:
    routes = (Route(name="a", weights={"v9": 1}), Route(name="a"))
    assert {breach.path for breach in route_breaches(routes, {"v1"})} == {
        "routes.0.weights.v9",
        "routes.0.weights",
        "routes.1.name",
    }


def _instance(version: str) -> Instance:
    return Instance(id="i", address="10.0.0.1", port=1, version=version, tls=True, healthy=True, draining=False)
