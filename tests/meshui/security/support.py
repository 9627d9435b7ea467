"""Requests and certificates as tests need them, the wrong ones included."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from meshui.core.actors import system

ACTOR = system("test")
SHA256 = hashes.SHA256()
IDENTITY = "spiffe://mesh.local/ns/shop/svc/catalog"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request(
    key: CertificateIssuerPrivateKeyTypes,
    names: list[x509.GeneralName] | None = None,
    digest: hashes.HashAlgorithm | None = SHA256,
    common_name: str = "anyone",
) -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM).decode()


def certificates(chain: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(chain.encode())
