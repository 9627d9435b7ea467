from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from meshui.catalog.models import Proxy, Service
from meshui.security import services
from meshui.security.models import IssuedCertificate
from tests.meshui.security.support import ACTOR, IDENTITY, new_key, request
from tests.support.api import Api

LEDGER = "spiffe://mesh.local/ns/bank/svc/ledger"


@pytest.fixture
def signed(db: None) -> None:
    """A leaf in ``shop`` and one in ``bank``."""
    services.authority_ensure()
    for proxy_id, identity in (("p1", IDENTITY), ("p2", LEDGER)):
        services.sign_csr(csr_pem=request(new_key()), identity=identity, dns_names=[], proxy_id=proxy_id, actor=ACTOR)


def seen(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"certificates/{query}")
    assert answer.status == 200, answer.body
    return [row["proxy"] for row in answer.body["results"]]


def test_certificates_are_listed_newest_first(viewer: Api, signed: None) -> None:
    assert seen(viewer) == ["p2", "p1"]
    row = viewer.get("certificates/").body["results"][1]
    record = IssuedCertificate.objects.get(proxy_id="p1")
    assert (row["serial"], row["identity"], row["actor"]) == (record.serial, IDENTITY, "system:test")


def test_certificates_of_other_namespaces_are_not_shown(operator: Api, outsider: Api, signed: None) -> None:
    assert seen(operator) == ["p1"]
    assert seen(outsider) == ["p2"]


def test_certificates_are_filtered(viewer: Api, signed: None) -> None:
    IssuedCertificate.objects.filter(proxy_id="p1").update(not_after=timezone.now())
    assert seen(viewer, "?state=expired") == ["p1"]
    assert seen(viewer, "?state=valid") == ["p2"]
    assert seen(viewer, "?proxy=p1") == ["p1"]
    assert seen(viewer, f"?identity={LEDGER}") == ["p2"]
    assert seen(viewer, "?namespace=bank") == ["p2"]
    assert seen(viewer, "?namespace=ban") == []
    assert seen(viewer, "?service=shop/catalog") == ["p1"]
    root, intermediate = viewer.get("authority/").body["certificates"]
    assert seen(viewer, f"?root={root['fingerprint']}&issuer={intermediate['fingerprint']}") == ["p2", "p1"]
    assert seen(viewer, f"?root={intermediate['fingerprint']}") == []
    assert seen(viewer, "?ordering=not_after") == ["p1", "p2"]
    for odd in ("state=odd", "ordering=odd"):
        assert viewer.get(f"certificates/?{odd}").status == 400


def test_what_a_proxy_uses_and_did_not_renew_is_late(viewer: Api, catalog: Service, signed: None) -> None:
    """Of two proxies that are past the time of renewal, one reports another certificate."""
    life, version = timedelta(hours=24), catalog.versions.get(name="v1")
    begun = timezone.now().replace(microsecond=0) - life * 0.75
    IssuedCertificate.objects.update(issued_at=begun, not_after=begun + life)
    for proxy_id, ends in (("p1", begun + life), ("p2", begun + life * 2)):
        Proxy.objects.create(
            id=proxy_id,
            name=proxy_id,
            service=catalog,
            version=version,
            redis_password_sha256="0",
            certificate_not_after=ends,
        )
    rows = {row["proxy"]: (row["held"], row["late"]) for row in viewer.get("certificates/").body["results"]}
    assert rows == {"p1": (True, True), "p2": (False, False)}
    assert seen(viewer, "?state=late") == ["p1"]
    assert seen(viewer, "?state=ending") == []
    assert viewer.get("authority/").body["leaves"] == {"current": 1, "late": 1, "ending": 0}
    assert [row["leaves"] for row in viewer.get("authority/").body["certificates"]] == [0, 1]
    IssuedCertificate.objects.update(issued_at=begun - 3 * life)
    assert seen(viewer, "?state=ending") == ["p1"], "of four days six hours are left"


def test_the_authority_shows_no_key(viewer: Api, signed: None) -> None:
    answer = viewer.get("authority/")
    assert [row["kind"] for row in answer.body["certificates"]] == ["root", "intermediate"]
    assert answer.body["certificates"][0]["certificate"] == services.trust_bundle()[0]
    assert "PRIVATE" not in str(answer.body)
    assert "sealed" not in str(answer.body)
    root, intermediate = answer.body["certificates"]
    assert (root["origin"], root["key"], root["trusted"], root["root"]) == ("made", "builtin", True, None)
    assert intermediate["root"] == root["fingerprint"]
    assert answer.body["renewal"]["automatic"] and answer.body["renewal"]["at"] < intermediate["not_after"]


@pytest.mark.parametrize("path", ["certificates/", "authority/"])
def test_nobody_reads_without_signing_in(anonymous: Api, path: str) -> None:
    assert anonymous.get(path).status == 401


def test_the_list_takes_the_same_queries_however_long_it_is(viewer: Api, signed: None) -> None:
    def queries(page_size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            seen(viewer, f"?page_size={page_size}")
        return len(captured)

    seen(viewer)
    assert queries(1) == queries(2)
