"""The authority's private keys in this process's memory.

Opening a sealed key costs more than signing with it, so the last few stay open. A cached key is found by the whole
sealed text: a row that changed in any way is opened anew, and a process never signs with a key that left the database.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from meshui.security import pki
from meshui.security.errors import AuthorityUnavailable
from meshui.security.models import Authority
from meshui.security.seal import SealError, seal, unseal


def sealed_key(signer: pki.Signer, fingerprint: str) -> bytes:
    """The signer's key for its row, bound to the certificate of that fingerprint."""
    secret = signer.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return seal(settings.MESHUI.ca_key, secret, fingerprint)


def signer_of(row: Authority) -> pki.Signer:
    """The row's certificate and key. Raises AuthorityUnavailable where MESHUI_CA_KEY does not open it."""
    try:
        return _open(settings.MESHUI.ca_key, bytes(row.sealed_key), row.fingerprint, row.certificate)
    except SealError as error:
        raise AuthorityUnavailable(
            f"MESHUI_CA_KEY does not open the private key of the {row.kind} certificate: {error}"
        ) from error


@lru_cache(maxsize=4)
def _open(master: bytes, sealed: bytes, fingerprint: str, certificate: str) -> pki.Signer:
    key = serialization.load_der_private_key(unseal(master, sealed, fingerprint), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SealError("it holds no elliptic curve key")
    return pki.Signer(x509.load_pem_x509_certificate(certificate.encode()), key)
