"""A rollout's overlay: what it adds, what it leaves alone, and that nothing of it stays."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshui.compile.check import check
from meshui.compile.service import service_body
from meshui.mesh import values
from meshui.mesh.names import ServiceName
from proxies.wire import resources as wire
from tests.support.meshes import overlays, services

NAME = ServiceName("shop", "catalog")
BETA = values.RouteMatch(headers=[values.HeaderMatch(name="x-beta", kind="present")])
SLOW = values.Timeouts(request_ms=60_000)


def service(*routes: values.Route, overlay: values.Overlay | None = None) -> values.Service:
    return values.Service(
        name=NAME,
        trust_domain="mesh.local",
        versions=("v1", "v2"),
        split={"v1": 95, "v2": 5},
        routes=routes or values.DEFAULT_ROUTES,
        overlay=overlay,
    )


def over(*routes: values.Route, **overlay: object) -> wire.ServiceBody:
    laid = msgspec.convert({"canary": "v2", **overlay}, values.Overlay)
    return service_body(service(*routes, overlay=laid))


@given(services(), st.data())
def test_clearing_the_overlay_gives_the_bytes_from_before(one: values.Service, data: st.DataObject) -> None:
    before = wire.encode(wire.ServiceResource(name="shop/catalog", body=service_body(one)))
    laid = replace(one, overlay=data.draw(overlays(one)))
    service_body(laid)
    cleared = replace(laid, overlay=None)
    assert wire.encode(wire.ServiceResource(name="shop/catalog", body=service_body(cleared))) == before


@given(services(), st.data())
def test_what_is_compiled_with_an_overlay_hangs_together(one: values.Service, data: st.DataObject) -> None:
    made = wire.ServiceResource(name="shop/catalog", body=service_body(replace(one, overlay=data.draw(overlays(one)))))
    check([made], {"shop/catalog"})
    assert wire.decode(wire.encode(made)) == made


def test_matched_requests_go_to_the_canary_before_any_other_route() -> None:
    own = (values.Route(name="rollout-0"), values.Route(name="default", timeouts=SLOW, retry=values.Retry(attempts=0)))
    body = over(*own, matches=[msgspec.to_builtins(BETA)] * 2)
    assert [route.name for route in body.routes] == ["rollout-1", "rollout-2", "rollout-0", "default"]
    first = body.routes[0]
    assert first.split == [wire.WeightedVersion(version="v2", weight=100)]
    assert first.match.headers[0].name == "x-beta"
    assert (first.timeouts, first.retry) == (body.routes[3].timeouts, body.routes[3].retry)
    assert body.routes[2:] == service_body(service(*own)).routes


def test_mirror_and_stickiness_come_only_where_a_route_follows_the_split_and_has_none() -> None:
    own = values.Sticky(kind="header", name="x-user")
    body = over(
        values.Route(name="pinned", weights={"v1": 100}),
        values.Route(name="away", redirect=values.Redirect(path="/x")),
        values.Route(name="told", direct=values.DirectResponse(status=204)),
        values.Route(name="own", sticky=own, mirror=values.Mirror(version="v1", percent=1)),
        values.Route(name="default"),
        mirror={"version": "v2", "percent": 10},
        sticky={"kind": "cookie", "name": "version"},
    )
    mirrors = {route.name: route.mirror.version if route.mirror else None for route in body.routes}
    sticky = {route.name: route.sticky.name if route.sticky else None for route in body.routes}
    assert mirrors == {"pinned": None, "away": None, "told": None, "own": "v1", "default": "v2"}
    assert sticky == {"pinned": None, "away": None, "told": None, "own": "x-user", "default": "version"}


def test_the_fallback_is_the_service_at_stable_without_the_overlay() -> None:
    own = values.Route(name="default", backends={"v1": values.Backend()})
    body = over(own, matches=[msgspec.to_builtins(BETA)], fallback={"version": "v1", "after_ms": 5000})
    stable = service_body(replace(service(own), split={"v1": 100, "v2": 0}))
    assert body.fallback is not None
    assert (body.fallback.split, body.fallback.routes) == (stable.split, stable.routes)
    assert body.fallback.after_ms == 5000
