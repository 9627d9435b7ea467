"""Every list: its pages, its shape, and a number of queries that does not grow with its rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from meshui.accounts.models import ApiToken, Session
from meshui.alerts.models import Alert, Notice, Receiver, Silence
from meshui.catalog.models import Instance, JoinToken, Namespace, Proxy, Service, Version
from meshui.core.actors import system
from meshui.core.commits import commit
from meshui.core.models import Change
from meshui.logs import store as logs
from meshui.proposals.models import Proposal
from meshui.rollouts.bodies import PlanBody
from meshui.rollouts.models import AnalysisTemplate, Rollout
from meshui.rollouts.planning import plan_of
from meshui.rotation.models import Rotation
from meshui.security.models import AccessPolicy, Authority, DeniedIdentity, IssuedCertificate, JwtProvider
from meshui.security.services import authority_ensure
from meshui.taps.models import Tap
from meshui.telemetry.models import Objective
from meshui.traces.models import Span, Trace
from meshui.traffic.models import GatewayHost
from tests.meshui.core.test_authorization import LISTS
from tests.meshui.logs.records import lines, record
from tests.support.api import Api, make_user

QUERIES = {
    # Two of each are the token with its user, and the user's roles.
    "namespaces/": 3,
    "services/": 4,
    "services/shop/catalog/versions/": 5,
    "services/shop/catalog/instances/": 5,
    "gateways/": 4,
    "join-tokens/": 3,
    "changes/": 3,
    "tokens/": 3,
    "sessions/": 3,
    "proposals/": 3,
    "users/": 4,
    "proxies/": 4,
    "revisions/": 4,
    "certificates/": 3,
    "certificates/denied/": 3,
    "authority/rotations/": 3,
    "policies/": 3,
    "jwt-providers/": 6,
    "rollouts/": 9,
    "analysis-templates/": 3,
    "alerts/": 4,
    "alerts/silences/": 3,
    "alerts/receivers/": 3,
    "alerts/notices/": 3,
    "objectives/": 15,
    "traces/": 6,
    "logs/": 3,
    "taps/": 3,
}


RULES = {"issuer": "a", "algorithms": ["RS256"]}
"""Of a token provider."""


@pytest.fixture
def crowd(admin: Api, catalog: Service) -> Callable[[int], None]:
    """Adds ``count`` of everything that a list shows."""

    def add(count: int) -> None:
        gone = Namespace.objects.count()
        shop = catalog.namespace
        authority_ensure()
        root, authority = Authority.objects.order_by("pk")
        for number in range(gone, gone + count):
            Namespace.objects.create(name=f"n{number}")
            _watch(catalog, number)
            service = Service.objects.create(namespace=shop, name=f"s{number}")
            Version.objects.create(service=service, name="v1", weight=100)
            Objective.objects.create(service=service, availability=99.9)
            version = Version.objects.create(service=catalog, name=f"x{number}")
            AccessPolicy.objects.create(name=f"p{number}", namespace="shop", action="allow", mode="shadow")
            JwtProvider.objects.create(name=f"p{number}", namespace="shop", issuer="a", rules=RULES)
            proxy = Proxy.objects.create(
                id=f"p{number}", name=f"p{number}", service=catalog, version=version, redis_password_sha256="0"
            )
            Instance.objects.create(
                id=f"i{number}", service=catalog, version=version, proxy=proxy, address="10.0.0.1", port=number + 1
            )
            gateway = Service.objects.create(namespace=shop, name=f"g{number}", kind="gateway")
            _roll_out(service, number)
            GatewayHost.objects.create(gateway=gateway, host="*", service=service)
            JoinToken.objects.create(
                service=catalog,
                version=version,
                digest=str(number),
                uses_left=1,
                expires_at=timezone.now(),
                created_by="x",
            )
            with commit(actor=system("test"), action="x.y", obj="x:y"):
                pass
            Rotation.objects.create(state="done", source="made", old=root, new=root, actor="x")
            make_user(f"u{number}", ("viewer", "shop"), ("operator", "bank"))
            IssuedCertificate.objects.create(
                serial=str(number),
                authority=authority,
                identity=f"spiffe://mesh.local/ns/shop/svc/s{number}",
                proxy_id=f"p{number}",
                actor="x",
                not_before=timezone.now(),
                not_after=timezone.now(),
                issued_at=timezone.now(),
            )
            DeniedIdentity.objects.create(identity=f"spiffe://mesh.local/ns/shop/svc/d{number}", actor="x")
            Proposal.objects.create(author="x", method="POST", path="policies/", action="x.y", object="x:y")
            Session.objects.create(
                session_key=f"k{number}",
                public_id=f"s{number}",
                user=admin.user,
                expire_date=timezone.now() + timedelta(days=1),
            )
            ApiToken.objects.create(
                user=admin.user, name="t", digest=f"d{number}", expires_at=timezone.now() + timedelta(days=1)
            )

    return add


def _watch(service: Service, number: int) -> None:
    """An alert, somebody who is told of it and somebody who is not; a trace, a line of the log, and a tap."""
    now = timezone.now()
    Alert.objects.create(
        rule="edge_health",
        object=f"edge:{number}",
        severity="page",
        namespace="shop",
        service=str(service),
        title="t",
        path="/",
        since=now,
        fires_at=now,
        seen_at=now,
        told_at=now,
    )
    Silence.objects.create(until=now + timedelta(days=1), created_by="x")
    Receiver.objects.create(kind="webhook", target=f"https://example.com/{number}", severity="page", created_by="x")
    Notice.objects.create(kind="webhook", target="https://example.com/", group="shop/catalog", alerts=[])
    logs.write(lines(record(), seq=number))
    Tap.objects.create(
        namespace="shop",
        destination="shop/catalog",
        side="destination",
        filters={},
        created_at=now,
        until=now,
        watched_at=now,
    )
    trace = f"{number:032x}"
    Trace.objects.create(trace_id=trace, start=now)
    Span.objects.create(
        trace_id=trace,
        span_id="1" * 16,
        start=now,
        duration_us=5,
        namespace="shop",
        service=str(service),
        name="GET",
        kind=Span.Kind.SERVER,
        proxied=True,
        error=False,
    )


def _roll_out(service: Service, number: int) -> None:
    """One under way, with a revision and an approval, or one that has just succeeded; and a template."""
    states = ("progressing", "succeeded")
    row = Rollout.objects.create(
        service=service,
        stable="v1",
        canary="v2",
        strategy="canary",
        plan=msgspec.to_builtins(plan_of(str(service), PlanBody(canary="v2", stable="v1"))),
        state=states[number % 2],
        revision=number + 1,
        finished_at=timezone.now() if number % 2 else None,
        created_by="x",
    )
    row.approvals.create(step_index=0, attempt=1, by="y", decision="approved")
    AnalysisTemplate.objects.create(name=f"t{number}", metrics=[{"name": "errors"}], created_by="x")


@pytest.mark.parametrize("path", QUERIES)
def test_queries_do_not_grow_with_rows(admin: Api, crowd: Callable[[int], None], path: str) -> None:
    admin.get("auth/me/")  # notes last_used_at, once a minute
    crowd(1)
    with CaptureQueriesContext(connection) as few:
        admin.get(path)
    crowd(6)
    with CaptureQueriesContext(connection) as many:
        shown = admin.get(path)
    assert shown.status == 200
    assert len(shown.body["results"]) > 5
    assert len(few) == len(many) == QUERIES[path]


def test_every_list_is_pinned_here(admin: Api) -> None:
    lists = {path for path in LISTS if "results" in (admin.get(path).body or {})}
    assert lists <= set(QUERIES)


@pytest.mark.parametrize("path", QUERIES)
def test_pages_cover_the_list_once_in_both_directions(admin: Api, crowd: Callable[[int], None], path: str) -> None:
    crowd(7)
    whole = admin.get(path).body["results"]
    forth, back = [], []
    shown = admin.get(f"{path}?page_size=3").body
    assert shown["previous"] is None
    while True:
        forth += shown["results"]
        if shown["next"] is None:
            break
        shown = admin.get(shown["next"].partition("/api/v1/")[2]).body
    while True:
        back = shown["results"] + back
        if shown["previous"] is None:
            break
        shown = admin.get(shown["previous"].partition("/api/v1/")[2]).body
    assert forth == back == whole


def test_a_page_does_not_skip_when_rows_before_it_go(admin: Api, crowd: Callable[[int], None]) -> None:
    crowd(6)
    first = admin.get("namespaces/?page_size=3").body
    Namespace.objects.filter(name=first["results"][0]["name"], services=None).delete()
    Namespace.objects.filter(name=first["results"][2]["name"], services=None).delete()
    rest = admin.get(first["next"].partition("/api/v1/")[2]).body
    expected = Namespace.objects.filter(name__gt=first["results"][2]["name"]).order_by("name")[:3]
    assert [n["name"] for n in rest["results"]] == [n.name for n in expected]


@pytest.mark.parametrize("query", ["page_size=0", "page_size=501", "page_size=x", "page_size=1&page_size=2"])
def test_a_bad_page_size_is_refused(viewer: Api, query: str) -> None:
    assert viewer.get(f"services/?{query}").status == 400


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "AAAA", "W10", "W2ZhbHNlLFsiYSJdXQ", "W2ZhbHNlLFtudWxsXV0", "W2ZhbHNlLFsiYSIsIlx1MDAwMCJdXQ", "%00"],
)
def test_a_forged_cursor_is_refused(viewer: Api, cursor: str) -> None:
    refused = viewer.get(f"services/?cursor={cursor}")
    assert (refused.status, list(refused.paths())) == (400, ["cursor"])


def test_a_cursor_of_another_list_is_refused(viewer: Api) -> None:
    first = viewer.get("services/?page_size=1").body["next"].partition("cursor=")[2]
    assert viewer.get(f"changes/?cursor={first}").status == 400


# --- the change log ---------------------------------------------------------------------------------------------


def test_changes_are_filtered(admin: Api) -> None:
    admin.change("PUT", "services/shop/catalog/split/", {"weights": {"v1": 50, "v2": 50}, "reason": "canary 7"})
    latest = Change.objects.latest("id")

    def ids(query: str) -> list[int]:
        return [change["id"] for change in admin.get(f"changes/?{query}").body["results"]]

    for query in (
        "actor=root",
        "action=split.set",
        "search=canary",
        "object=service:shop/catalog&action=split.set",
        "namespace=shop&actor=root",
    ):
        assert ids(query) == [latest.pk]
    assert ids("namespace=bank&actor=root") == []
    since = latest.at.isoformat().replace("+", "%2B")
    assert ids(f"since={since}") == [latest.pk]
    assert latest.pk not in ids(f"until={since}")
    assert ids("ordering=id") == sorted(ids(""))
    assert admin.get("changes/?since=yesterday").paths() == {"since": "invalid"}
    assert admin.get(f"changes/?since={latest.at:%Y-%m-%dT%H:%M}").status == 400
    assert admin.get("changes/?since=9999-12-31T23:59:59-23:00").paths() == {"since": "range"}
    assert ids("since=2000-01-01T00:00:00%2B23:00")


def test_a_change_is_shown_whole(operator: Api) -> None:
    done = operator.change("PUT", "services/shop/catalog/split/", {"weights": {"v2": 100}, "reason": "all in"})
    change = Change.objects.get(revision_id=done.body["revision"])
    shown = operator.get(f"changes/{change.pk}/").body
    assert shown.pop("at")
    assert shown.pop("digest") == change.digest
    assert shown == {
        "id": change.pk,
        "revision": done.body["revision"],
        "actor": "olga",
        "action": "split.set",
        "object": "service:shop/catalog",
        "namespace": "shop",
        "summary": "v1 100 -> 0, v2 0 -> 100",
        "reason": "all in",
        "address": "127.0.0.1",
        "before": {"weights": {"v1": 100, "v2": 0}},
        "after": {"weights": {"v1": 0, "v2": 100}},
        "revertible": True,
    }


def test_changes_of_another_namespace_and_of_users_are_not_shown(outsider: Api, viewer: Api, admin: Api) -> None:
    made = admin.post("users/", {"username": "eve", "password": "long enough to pass"})
    assert made.body["revision"] in {change["revision"] for change in admin.get("changes/").body["results"]}
    assert made.body["revision"] not in {change["revision"] for change in viewer.get("changes/").body["results"]}
    assert {change["namespace"] for change in outsider.get("changes/").body["results"]} == {"bank"}
    hidden = Change.objects.filter(namespace="shop").latest("id")
    assert outsider.get(f"changes/{hidden.pk}/").status == 404
