"""Every endpoint is authorised: all URL patterns are walked, so that one added later is covered by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from meshui.alerts.models import Receiver, Silence
from meshui.catalog.models import Instance, JoinToken, Proxy, Service
from meshui.core.models import Change
from meshui.rollouts.bodies import PlanBody
from meshui.rollouts.models import AnalysisTemplate, Rollout
from meshui.rollouts.planning import plan_of
from meshui.rotation.models import Rotation
from meshui.security.models import AccessPolicy, Authority, IntermediateRequest, IssuedCertificate
from meshui.security.services import authority_ensure
from meshui.taps.models import Tap
from meshui.traces.models import Span, Trace
from tests.support.api import Api, everything

PUBLIC = {
    ("POST", "auth/login/"),
    ("POST", "auth/token/"),
    ("POST", "proxies/join/"),
    ("POST", "proxies/renew/"),
    ("GET", "auth/methods/"),
    ("GET", "auth/oidc/"),
    ("GET", "auth/oidc/callback/"),
    ("GET", "authority/bundle.pem"),
    ("GET", "authority/bundle.json"),
}
"""What authorises itself: by password, by join token, by the key of a certificate; and what is no secret."""
OWN = {"auth/logout/", "auth/me/", "tokens/", "tokens/<int:token_id>/", "sessions/", "sessions/<str:session_id>/"}
"""What concerns nobody but the one who asks."""
TEMPLATE = "analysis-templates/<label:template>/"
ASKED = {
    ("POST", "simulate/"),
    ("POST", "interchange/import/"),
    ("POST", "services/<label:ns>/<label:name>/dry-run/"),
    ("POST", "policies/explain/"),
    ("POST", "policies/replay/"),
    ("POST", "policies/suggest/"),
    ("POST", "rollouts/preflight/"),
    ("POST", "rollouts/estimate/"),
    ("POST", f"{TEMPLATE}backtest/"),
}
"""What is only asked, in a body because a query string would not hold it; a viewer may."""
ROTATION = "authority/rotations/<int:rotation_id>/"
SHARED = {("GET", TEMPLATE), ("POST", f"{TEMPLATE}backtest/"), ("GET", ROTATION)}
"""What is read of things that belong to no namespace."""
TRACE = "ab" * 16
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, route)
        elif route.startswith("api/v1/"):
            yield route.removeprefix("api/v1/"), pattern


ENDPOINTS = [
    (method, route)
    for route, pattern in _patterns(get_resolver())
    for method in ("GET", *UNSAFE)
    if hasattr(getattr(pattern.callback, "view_class", None), method.lower())
]
WRITES = [(method, route) for method, route in ENDPOINTS if method in UNSAFE and (method, route) not in PUBLIC | ASKED]
LISTS = [
    route
    for method, route in ENDPOINTS
    if method == "GET" and "<" not in route and route not in ("schema/", "docs/") and (method, route) not in PUBLIC
]
OBJECTS = {
    "ns": "shop",
    "namespace": "shop",
    "name": "catalog",
    "service": "catalog",
    "version": "v2",
    "instance": "i-1",
    "instance_id": "i-1",
    "proxy_id": "px-1",
    "proxy": "px-1",
    "username": "olga",
    "template": "web",
    "key": "readers",
    "session_id": "s-1",
    "proposal_id": "1",
}


@pytest.fixture
def objects(catalog: Service) -> dict[str, str]:
    """One of everything in ``shop``, by the names that paths have for it."""
    version = catalog.versions.get(name="v2")
    proxy = Proxy.objects.create(
        id="px-1", name="one", service=catalog, version=version, redis_password_sha256="0" * 64
    )
    Instance.objects.create(id="i-1", service=catalog, version=version, proxy=proxy, address="10.0.0.1", port=80)
    token = JoinToken.objects.create(
        service=catalog, version=version, digest="0", uses_left=1, expires_at="2100-01-01T00:00Z", created_by="x"
    )
    change = Change.objects.get(object="service:shop/catalog")
    plan = msgspec.to_builtins(plan_of("shop/catalog", PlanBody(canary="v2", stable="v1")))
    rollout = Rollout.objects.create(
        service=catalog, stable="v1", canary="v2", strategy="canary", plan=plan, created_by="olga"
    )
    AccessPolicy.objects.create(name="readers", namespace="shop", service="catalog", action="allow", mode="enforce")
    AnalysisTemplate.objects.create(name="web", metrics=[{"name": "errors"}], created_by="olga")
    silence = Silence.objects.create(namespace="shop", until="2100-01-01T00:00Z", created_by="olga")
    receiver = Receiver.objects.create(kind="webhook", target="https://example.com", severity="page", created_by="x")
    at = timezone.now()
    authority_ensure()
    root, authority = Authority.objects.order_by("pk")
    IntermediateRequest.objects.create(pk=1, csr="x", key_digest="x", sealed_key=b"", actor="olga")
    rotation = Rotation.objects.create(state="publishing", source="made", old=root, new=root, actor="olga")
    IssuedCertificate.objects.create(
        serial="a1",
        authority=authority,
        identity="spiffe://mesh.local/ns/shop/svc/catalog",
        proxy_id="px-1",
        actor="x",
        not_before=at,
        not_after=at,
        issued_at=at,
    )
    tap = Tap.objects.create(
        namespace="shop",
        destination="shop/catalog",
        side="destination",
        filters={},
        created_at=at,
        until=at + timedelta(hours=1),
        watched_at=at,
    )
    Trace.objects.create(trace_id=TRACE, start=at)
    Span.objects.create(
        trace_id=TRACE,
        span_id="1" * 16,
        start=at,
        duration_us=5,
        namespace="shop",
        service="shop/catalog",
        name="GET",
        kind=Span.Kind.SERVER,
        proxied=True,
        error=False,
    )
    return OBJECTS | {
        "silence_id": str(silence.pk),
        "receiver_id": str(receiver.pk),
        "trace_id": TRACE,
        "tap_id": str(tap.pk),
        "serial": "a1",
        "token_id": str(token.pk),
        "change_id": str(change.pk),
        "rollout_id": str(rollout.pk),
        "rotation_id": str(rotation.pk),
        "number": str(change.revision_id),
        "revision": str(change.revision_id),
    }


def _fill(route: str, objects: dict[str, str]) -> str:
    parts = (objects[part.strip("<>").rpartition(":")[2]] if part[:1] == "<" else part for part in route.split("/"))
    return "/".join(parts)


def test_the_walk_finds_the_endpoints() -> None:
    assert ("PUT", "services/<label:ns>/<label:name>/split/") in ENDPOINTS
    assert len(ENDPOINTS) > 40


@pytest.mark.parametrize(("method", "route"), [e for e in ENDPOINTS if e not in PUBLIC])
def test_anonymous_gets_nowhere(anonymous: Api, objects: dict[str, str], method: str, route: str) -> None:
    refused = anonymous.call(method, _fill(route, objects), {}, If_Match="*")
    assert (refused.status, refused.body["code"]) == (401, "not_authenticated")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "route"), [e for e in WRITES if e[1] not in OWN])
def test_a_viewer_writes_nothing(viewer: Api, objects: dict[str, str], method: str, route: str) -> None:
    before = everything()
    refused = viewer.call(method, _fill(route, objects), {}, If_Match="*")
    assert (refused.status, refused.body["code"]) == (403, "permission_denied")
    assert everything() == before


@pytest.mark.parametrize(
    ("method", "route"), [e for e in ENDPOINTS if "<" in e[1] and e[1] not in OWN and e not in SHARED]
)
def test_another_namespace_is_out_of_reach(outsider: Api, objects: dict[str, str], method: str, route: str) -> None:
    """An administrator of ``bank`` and everything in ``shop``."""
    before = everything()
    refused = outsider.call(method, _fill(route, objects), {}, If_Match="*")
    assert refused.status in (403, 404)
    assert everything() == before


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *_strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("route", LISTS)
def test_lists_show_nothing_of_another_namespace(outsider: Api, objects: dict[str, str], route: str) -> None:
    shown = outsider.get(route)
    assert shown.status in (200, 403)
    assert not [text for text in _strings(shown.body) if "shop" in text]


BODIES = {
    "services/": {"namespace": "shop", "name": "new"},
    "gateways/": {"namespace": "shop", "name": "edge", "hosts": []},
    "join-tokens/": {"service": "shop/catalog", "version": "v1"},
    "namespaces/": {"name": "new"},
    "policies/": {"name": "open", "target": "shop/catalog", "action": "allow", "rules": [{}]},
    "rollouts/": {"service": "shop/catalog", "canary": "v2"},
    "analysis-templates/": {"name": "new", "metrics": ["errors"]},
    "users/": {"username": "eve", "password": "long enough to pass", "roles": [{"role": "admin"}]},
}


@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_names_another_namespace_is_refused(outsider: Api, path: str) -> None:
    before = everything()
    refused = outsider.post(path, BODIES[path])
    assert (refused.status, refused.body["code"]) == (403, "permission_denied")
    assert everything() == before


def test_a_gateway_may_not_lead_to_what_its_owner_may_not_see(outsider: Api) -> None:
    body = {"namespace": "bank", "name": "edge", "hosts": [{"host": "*", "service": "shop/catalog"}]}
    assert outsider.post("gateways/", body).paths() == {"hosts.0.service": "unknown_service"}
