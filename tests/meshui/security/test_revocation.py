from __future__ import annotations

import pytest

from meshui.catalog.models import Proxy, Service
from meshui.catalog.services import proxy_register
from meshui.core.errors import Conflict
from meshui.core.models import Change, Outbox
from meshui.security import selectors, services
from meshui.security.errors import CertificateRefused
from meshui.security.models import IssuedCertificate
from tests.meshui.security.support import ACTOR, IDENTITY, new_key, request
from tests.support.api import Api


def sign(proxy_id: str, identity: str = IDENTITY) -> str:
    services.sign_csr(csr_pem=request(new_key()), identity=identity, dns_names=[], proxy_id=proxy_id, actor=ACTOR)
    return IssuedCertificate.objects.order_by("-id")[0].serial


@pytest.fixture
def authority(db: None) -> None:
    services.authority_ensure()


def dirty() -> set[tuple[str, str]]:
    return set(Outbox.objects.values_list("kind", "name"))


def test_the_next_certificate_replaces_the_one_before(authority: None) -> None:
    first, other, second = sign("p1"), sign("p2"), sign("p1")
    assert set(IssuedCertificate.objects.filter(replaced_at=None).values_list("serial", flat=True)) == {other, second}
    assert IssuedCertificate.objects.get(serial=first).replaced_at is not None


def test_an_order_to_renew_is_for_the_proxy_and_ends_with_its_next_certificate(authority: None) -> None:
    serial = sign("p1")
    Outbox.objects.all().delete()
    assert services.renewal_order(actor=ACTOR, serial=serial) is not None
    assert dirty() == {("proxy", "p1")}
    assert selectors.ordered_renewals(["p1", "p2"]) == {"p1": serial}
    assert services.renewal_order(actor=ACTOR, serial=serial) is None, "asked already"
    sign("p1")
    assert selectors.ordered_renewals(["p1"]) == {}
    with pytest.raises(Conflict) as refused:
        services.renewal_order(actor=ACTOR, serial=serial)
    assert refused.value.code == "not_current"


def test_revoking_denies_all_that_the_proxy_still_holds_and_nothing_else(authority: None) -> None:
    former, current, other = sign("p1"), sign("p1"), sign("p2")
    Outbox.objects.all().delete()
    assert services.certificate_revoke(actor=ACTOR, serial=current, reason="stolen") == ["p1"]
    assert set(selectors.revoked_serials()) == {former, current}
    assert other not in selectors.revoked_serials()
    assert selectors.denied_identities() == []
    assert dirty() == {("trust", "")}
    assert Change.objects.latest("pk").action == "certificate.revoke"
    sign("p3")


def test_a_denied_identity_gets_no_certificate_until_it_is_allowed_again(authority: None) -> None:
    serial = sign("p1")
    sign("p2")
    assert services.certificate_revoke(actor=ACTOR, serial=serial, identity=True, reason="breach") == ["p1", "p2"]
    assert selectors.denied_identities() == [IDENTITY]
    with pytest.raises(CertificateRefused) as refused:
        sign("p3")
    assert refused.value.code == "identity_denied"
    services.identity_allow(actor=ACTOR, identity=IDENTITY)
    assert selectors.denied_identities() == []
    sign("p3")


def test_a_certificate_that_has_ended_is_not_published_as_revoked(authority: None) -> None:
    serial = sign("p1")
    services.certificate_revoke(actor=ACTOR, serial=serial)
    IssuedCertificate.objects.update(not_after="2020-01-01T00:00:00Z")
    assert selectors.revoked_serials() == []


def test_over_the_api_a_certificate_is_revoked_with_its_proxy(
    admin: Api, viewer: Api, outsider: Api, registered: Proxy
) -> None:
    serial = sign(registered.pk)
    assert viewer.post(f"certificates/{serial}/revoke/").status == 403
    assert outsider.post(f"certificates/{serial}/revoke/").status == 404
    shown = admin.get("certificates/?current=1").body["results"]
    assert [row["serial"] for row in shown] == [serial] and shown[0]["renews_at"]
    assert admin.post(f"certificates/{serial}/renew/", {"reason": "drill"}).body["revision"]
    done = admin.post(f"certificates/{serial}/revoke/", {"scope": "identity", "reason": "breach"})
    assert (done.status, done.body) == (200, {"evicted": [registered.pk]})
    assert not Proxy.objects.exists()
    assert [row["identity"] for row in admin.get("certificates/denied/").body["results"]] == [IDENTITY]
    assert outsider.get("certificates/denied/").body["results"] == []
    assert [row["serial"] for row in admin.get("certificates/?state=revoked").body["results"]] == [serial]
    assert viewer.post("certificates/denied/allow/", {"identity": IDENTITY}).status == 403
    assert outsider.post("certificates/denied/allow/", {"identity": IDENTITY}).status == 404
    assert admin.post("certificates/denied/allow/", {"identity": IDENTITY}).status == 200
    assert admin.get("certificates/denied/").body["results"] == []
    assert admin.post("certificates/0abc/revoke/").status == 404


@pytest.fixture
def registered(catalog: Service, authority: None) -> Proxy:
    return proxy_register(
        actor=ACTOR, service="shop/catalog", version="v1", name="one", listeners=[], redis_password_sha256="0" * 64
    ).proxy
