from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from meshui.security import pki, services
from meshui.security.errors import CertificateRefused
from meshui.security.models import IssuedCertificate
from meshui.security.verify import verify_leaf, verify_renewal
from proxies.wire.join import RenewRequest, renew_payload
from tests.meshui.security.support import ACTOR, IDENTITY, new_key, request


@pytest.fixture
def held(db: None) -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A proxy's key and chain."""
    services.authority_ensure()
    key = new_key()
    chain = services.sign_csr(csr_pem=request(key), identity=IDENTITY, dns_names=[], proxy_id="p1", actor=ACTOR)
    return key, chain


def renewal(key: ec.EllipticCurvePrivateKey, chain: str, **changes: object) -> RenewRequest:
    fields = {"proxy_id": "p1", "csr": request(new_key()), "timestamp": int(timezone.now().timestamp())} | changes
    signed = renew_payload(fields["proxy_id"], fields["csr"], fields["timestamp"])  # type: ignore[arg-type]
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256())).hex()
    return RenewRequest(certificate=chain, **({"signature": signature} | fields))  # type: ignore[arg-type]


Held = tuple[ec.EllipticCurvePrivateKey, str]


def test_a_leaf_of_ours_proves_its_identity(held: Held) -> None:
    assert verify_leaf(held[1], timezone.now()) == IDENTITY


@pytest.mark.parametrize("hours", [-2, 25])
def test_a_leaf_outside_its_time_is_refused(held: Held, hours: int) -> None:
    with pytest.raises(CertificateRefused) as refused:
        verify_leaf(held[1], timezone.now() + timedelta(hours=hours))
    assert refused.value.code == "certificate_expired"


def test_a_leaf_of_another_authority_is_refused(held: Held) -> None:
    now = timezone.now()
    foreign = pki.make_intermediate(pki.make_root("mesh.local", now), "mesh.local", now, timedelta(hours=1))
    leaf = pki.make_leaf(foreign, new_key().public_key(), IDENTITY, [], now, timedelta(hours=1))
    with pytest.raises(CertificateRefused):
        verify_leaf(pki.pem(leaf), now)
    # Not even under the serial of one that we signed.
    IssuedCertificate.objects.update(serial=services.serial_of(leaf.serial_number))
    with pytest.raises(CertificateRefused):
        verify_leaf(pki.pem(leaf), now)


@pytest.mark.parametrize("chain", ["", "nonsense", "x" * 20_000])
def test_no_certificate_is_refused(held: Held, chain: str) -> None:
    with pytest.raises(CertificateRefused):
        verify_leaf(chain, timezone.now())


def test_a_renewal_signed_by_the_current_key_holds(held: Held) -> None:
    leaf = verify_renewal(renewal(*held))
    assert (leaf.identity, leaf.proxy_id) == (IDENTITY, "p1")


def test_a_renewal_signed_by_another_key_is_refused(held: Held) -> None:
    with pytest.raises(CertificateRefused, match="not signed"):
        verify_renewal(renewal(new_key(), held[1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"proxy_id": "p2"},
        {"timestamp": int(timezone.now().timestamp()) - 301},
        {"timestamp": int(timezone.now().timestamp()) + 86_400},
        {"signature": "zz"},
        {"signature": ""},
    ],
)
def test_a_renewal_for_another_proxy_or_time_is_refused(held: Held, changes: dict[str, object]) -> None:
    with pytest.raises(CertificateRefused):
        verify_renewal(renewal(*held, **changes))


def test_a_signature_covers_the_request(held: Held) -> None:
    good = renewal(*held)
    swapped = RenewRequest(
        proxy_id=good.proxy_id,
        csr=request(new_key()),
        certificate=good.certificate,
        timestamp=good.timestamp,
        signature=good.signature,
    )
    with pytest.raises(CertificateRefused, match="not signed"):
        verify_renewal(swapped)
