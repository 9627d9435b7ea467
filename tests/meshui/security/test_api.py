from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

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
    assert viewer.get("certificates/?state=odd").status == 400


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
