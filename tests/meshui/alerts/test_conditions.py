"""What each rule finds wrong, out of rows as the other parts write them."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from meshui.alerts import conditions, evaluate
from meshui.alerts.models import Alert
from meshui.catalog.models import Proxy, Service
from meshui.core.actors import system
from meshui.rotation.models import Rotation
from meshui.rotation.services import rotation_start
from meshui.security.models import Authority, IssuedCertificate, JwtProvider
from meshui.security.services import Offer, authority_ensure
from meshui.telemetry import rollups
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives import selectors
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, proxy_of, register
from tests.meshui.telemetry.seconds import second

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(frames: Window) -> None:
    """A mesh whose catalogue answers a fifth with errors, and has promised not to."""
    selectors.forget()
    register()
    now = int(time.time()) // 10 * 10
    for start in (now - 20, now - 30, now - 400):
        past = Window()
        second(
            past,
            float(start + 1),
            shop_frontend=[call("shop/catalog", codes={200: 80, 503: 20}), call("platform/users", codes={200: 90})],
        )
        rollups.write(start, [frame for frame, _ in past.frames(start, start + 10, blocks=False)])
    Objective.objects.create(service=Service.objects.get(name="catalog"), availability=99.0)
    Objective.objects.create(service=Service.objects.get(name="users"), availability=99.0)


def test_an_edge_that_fails(failing: None) -> None:
    (found,) = conditions.edge_failing()
    assert (found.object, found.severity, found.namespace) == ("edge:shop/frontend->shop/catalog", "page", "shop")
    assert found.detail == "20 % errors over 200 requests"
    assert found.path == "/topology?sel=shop%2Ffrontend-%3Eshop%2Fcatalog&focus=shop%2Fcatalog&hops=1"


def test_a_budget_that_burns(failing: None) -> None:
    (found,) = conditions.objective_burn()
    assert (found.object, found.severity) == ("objective:shop/catalog:availability", "page")
    assert found.title == "shop/catalog burns its availability budget 20 times too fast"
    assert "20x over 1 h, 20x over 5 min; 0% of the budget is left" in found.detail


def test_certificates_that_were_not_renewed(failing: None) -> None:
    now = timezone.now()
    soon = now + timedelta(seconds=settings.MESHUI.leaf_ttl_s * 0.05)
    Proxy.objects.update(last_seen_at=now, certificate_not_after=now + timedelta(days=1))
    Proxy.objects.filter(pk=proxy_of("shop/catalog")).update(certificate_not_after=soon)
    gone = Proxy.objects.filter(pk=proxy_of("platform/users"))
    gone.update(certificate_not_after=soon, last_seen_at=now - timedelta(days=1))
    (found,) = conditions.certificate_ending()
    assert (found.object, found.service) == (f"proxy:{proxy_of('shop/catalog')}", "shop/catalog")
    assert found.title.startswith("The certificate of shop/catalog v1 ends ")


@pytest.mark.parametrize(
    ("days_left", "severity"), [(1000, None), (300, "ticket"), (60, "page"), (-1, "page")], ids=str
)
def test_the_authority_ends(days_left: int, severity: str | None) -> None:
    end = timezone.now() + timedelta(days=days_left)
    Authority.objects.create(
        kind="root", fingerprint="a", not_before=end - timedelta(days=3650), not_after=end, sealed_key=b""
    )
    Authority.objects.create(
        kind="root", state="retired", fingerprint="b", not_before=end, not_after=end, sealed_key=b""
    )
    found = list(conditions.authority_ending())
    assert [each.severity for each in found] == ([severity] if severity else [])
    if found:
        assert found[0].object == "authority:root"
        assert ("ended" if days_left < 0 else "ends") in found[0].title


def test_a_root_elsewhere_needs_people_in_time(failing: None) -> None:
    now = timezone.now()
    root = Authority.objects.create(
        kind="root",
        key="elsewhere",
        fingerprint="r",
        not_before=now - timedelta(days=300),
        not_after=now + timedelta(days=3000),
    )
    lower = {"kind": "intermediate", "root": root, "not_before": now - timedelta(days=300)}
    row = Authority.objects.create(fingerprint="i", not_after=now + timedelta(days=100), **lower)
    (found,) = conditions.authority_ending()
    assert (found.object, found.severity) == ("authority:intermediate", "ticket")
    assert "Have a request signed" in found.detail
    Authority.objects.filter(pk=row.pk).update(not_after=now + timedelta(days=900))
    assert list(conditions.authority_ending()) == []


def test_certificates_that_are_late(failing: None) -> None:
    now = timezone.now()
    authority = Authority.objects.create(kind="root", fingerprint="a", not_before=now, not_after=now)
    for service, ended in (("shop/catalog", 0.75), ("platform/users", 0.55)):
        begun = now - timedelta(hours=24) * ended
        IssuedCertificate.objects.create(
            serial=service,
            authority=authority,
            identity="x",
            proxy_id=proxy_of(service),
            actor="x",
            not_before=begun,
            not_after=begun + timedelta(hours=24),
            issued_at=begun,
        )
        Proxy.objects.filter(pk=proxy_of(service)).update(
            last_seen_at=now, certificate_not_after=begun + timedelta(hours=24)
        )
    (found,) = conditions.certificate_late()
    assert (found.object, found.severity) == (f"proxy:{proxy_of('shop/catalog')}", "ticket")
    Proxy.objects.filter(pk=proxy_of("shop/catalog")).update(certificate_not_after=now + timedelta(hours=20))
    assert list(conditions.certificate_late()) == [], "it reports to use another one"


def test_a_rotation_that_waits_for_proxies(failing: None) -> None:
    authority_ensure()
    rotation = rotation_start(actor=system("test"), offer=Offer("made"))
    assert list(conditions.rotation_waiting()) == [], "it began just now"
    Rotation.objects.update(state_since=timezone.now() - timedelta(minutes=6))
    (found,) = conditions.rotation_waiting()
    assert (found.object, found.severity) == (f"rotation:{rotation.pk}", "ticket")
    Rotation.objects.update(paused=True)
    assert list(conditions.rotation_waiting()) == []


def test_keys_of_a_token_provider_that_cannot_be_fetched(failing: None) -> None:
    now = timezone.now()

    def provider(name: str, minutes: int | None, keys: list[dict[str, str]], namespace: str = "") -> None:
        since = None if minutes is None else now - timedelta(minutes=minutes)
        JwtProvider.objects.create(
            name=name,
            namespace=namespace,
            issuer="x",
            rules={},
            keys=keys,
            failing_since=since,
            fetch_error="" if since is None else "it answered 503",
        )

    provider("keyless", 16, [])
    provider("recent", 14, [])
    provider("stale", 60, [{"kid": "a"}], "shop")
    provider("well", None, [{"kid": "a"}])
    keyless, stale = conditions.keys_unfetched()
    assert (keyless.object, keyless.severity, keyless.namespace) == ("provider:keyless", "page", "")
    assert (stale.object, stale.severity, stale.namespace) == ("provider:stale", "ticket", "shop")
    assert stale.detail.endswith("UTC: it answered 503")
    evaluate.evaluate()
    assert Alert.objects.get(rule="keys_unfetched", namespace="shop").object == "provider:stale"


def test_everything_is_well_with_a_mesh_of_which_nothing_is_known(failing: None) -> None:
    assert list(conditions.proxy_out_of_sync()) == []
    assert list(conditions.rollout_paused()) == []


def test_all_rules_together(failing: None) -> None:
    evaluate.evaluate()
    assert set(Alert.objects.values_list("rule", flat=True)) == {"edge_failing", "objective_burn"}
