"""Proof of identity by a certificate that this authority signed: what authorises a renewal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from django.utils import timezone

from meshui.security.errors import CertificateRefused
from meshui.security.models import Authority, IssuedCertificate
from meshui.security.services import serial_of
from proxies.wire.join import RenewRequest, renew_payload

MAX_CHAIN_CHARS = 16_384
RENEWAL_WINDOW = timedelta(seconds=300)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate of ours that holds at the time asked for."""

    identity: str
    proxy_id: str
    public_key: CertificatePublicKeyTypes


def verify_leaf(chain_pem: str, at: datetime) -> str:
    """The identity in the chain's first certificate. Raises CertificateRefused."""
    return read_leaf(chain_pem, at).identity


def verify_renewal(request: RenewRequest, *, at: datetime | None = None) -> Leaf:
    """Whose certificate the request may renew: it is signed, just now, by the key of a certificate of that proxy.

    Raises CertificateRefused.
    """
    at = at or timezone.now()
    if abs(at.timestamp() - request.timestamp) > RENEWAL_WINDOW.total_seconds():
        raise CertificateRefused(
            f"the request is older or newer than {RENEWAL_WINDOW.total_seconds():.0f} s; check the clocks"
        )
    leaf = read_leaf(request.certificate, at)
    if leaf.proxy_id != request.proxy_id:
        raise CertificateRefused("the certificate belongs to another proxy")
    payload = renew_payload(request.proxy_id, request.csr, request.timestamp)
    if not _signed(leaf.public_key, request.signature, payload):
        raise CertificateRefused("the request is not signed by the certificate's key")
    return leaf


def read_leaf(chain_pem: str, at: datetime) -> Leaf:
    """The first certificate of a PEM chain, when this authority signed it and recorded that, and it holds ``at``.

    The chain's other certificates are not looked at: the issuer is found among our own. Raises CertificateRefused.
    """
    if len(chain_pem) > MAX_CHAIN_CHARS:
        raise CertificateRefused("the certificate is too large")
    try:
        certificate = x509.load_pem_x509_certificate(chain_pem.encode())
        public_key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateRefused("it is no PEM certificate") from error
    records = IssuedCertificate.objects.select_related("authority__root")
    record = records.filter(serial=serial_of(certificate.serial_number)).first()
    if record is None or not _signed_by(record.authority, certificate):
        raise CertificateRefused("the certificate was not signed by this mesh")
    if record.authority.root is None or not record.authority.root.trusted:
        raise CertificateRefused(
            "the mesh does not trust the certificate's root any more; join again with a new token", code="root_removed"
        )
    if not certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc:
        raise CertificateRefused(
            f"the certificate ended at {certificate.not_valid_after_utc.isoformat()}; join again with a new token",
            code="certificate_expired",
        )
    return Leaf(record.identity, record.proxy_id, public_key)


def _signed_by(authority: Authority, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate.encode()))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _signed(key: CertificatePublicKeyTypes, signature_hex: str, payload: bytes) -> bool:
    try:
        signature = bytes.fromhex(signature_hex)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, payload, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except (ValueError, InvalidSignature):
        return False
    return True
