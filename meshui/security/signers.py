"""Who signs with an authority's key: this process, with the key from the database, or the program that has it.

Opening a sealed key costs more than signing with it, so the last few stay open. A cached key is found by the whole
sealed text: a row that changed in any way is opened anew, and a process never signs with a key that left the database.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings

from meshui.security import pki
from meshui.security.command_key import CommandKey
from meshui.security.errors import AuthorityUnavailable
from meshui.security.models import Authority
from meshui.security.seal import SealError, seal, unseal


def sealed_key(key: pki.SigningKey, owner: str) -> bytes:
    """The key, to be kept in the database; bound to ``owner``, its certificate's fingerprint."""
    secret = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return seal(settings.MESHUI.ca_key, secret, owner)


def opened_key(sealed: bytes, owner: str) -> pki.SigningKey:
    """What ``sealed_key`` was given. Raises SealError."""
    key = serialization.load_der_private_key(unseal(settings.MESHUI.ca_key, sealed, owner), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise SealError("it holds no key that signs certificates")
    return key


def signer_of(row: Authority) -> pki.Signer:
    """The row's certificate and its key, wherever that is. Raises AuthorityUnavailable: MESHUI_CA_KEY does not open it,
    no signer is configured, or nothing here reaches it."""
    if row.key == Authority.Key.EXTERNAL:
        certificate = x509.load_pem_x509_certificate(row.certificate.encode())
        return pki.Signer(certificate, external_key(certificate))
    if row.key == Authority.Key.ELSEWHERE or not row.sealed_key:
        raise AuthorityUnavailable(f"the private key of the {row.kind} certificate is not here")
    try:
        return _open(settings.MESHUI.ca_key, bytes(row.sealed_key), row.fingerprint, row.certificate)
    except SealError as error:
        raise AuthorityUnavailable(
            f"MESHUI_CA_KEY does not open the private key of the {row.kind} certificate: {error}"
        ) from error


def external_key(certificate: x509.Certificate) -> CommandKey:
    """The certificate's key as the program of MESHUI_CA_SIGNER has it. Raises AuthorityUnavailable: there is no such
    program, or the key is of a kind that it is not asked for."""
    public = certificate.public_key()
    if not settings.MESHUI.ca_signer:
        raise AuthorityUnavailable("the private key is with an external signer; set MESHUI_CA_SIGNER")
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise AuthorityUnavailable("an external signer signs with elliptic curve keys alone")
    return CommandKey(settings.MESHUI.ca_signer, public)


@lru_cache(maxsize=4)
def _open(master: bytes, sealed: bytes, fingerprint: str, certificate: str) -> pki.Signer:
    return pki.Signer(x509.load_pem_x509_certificate(certificate.encode()), opened_key(sealed, fingerprint))
