"""Requests and certificates as tests need them, the wrong ones included."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PublicKeyTypes
from django.utils import timezone

from meshui.core.actors import system

ACTOR = system("test")
SHA256 = hashes.SHA256()
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
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


class Outside:
    """An authority of somebody else: CAs as they should be, and as they should not. ``certificate`` is PEM."""

    def __init__(
        self,
        issuer: Outside | None = None,
        *,
        name: str = "",
        key: CertificateIssuerPrivateKeyTypes | None = None,
        ca: bool = True,
        path_length: int | None = None,
        usage: bool = True,
        begins: timedelta = timedelta(days=-1),
        lasts: timedelta = timedelta(days=1000),
        extensions: Sequence[x509.ExtensionType] = (),
        public: PublicKeyTypes | None = None,
    ) -> None:
        """``public`` is whose certificate it is, where that key is elsewhere."""
        self.key = key or new_key()
        signer, now = issuer or self, timezone.now()
        name = name or ("below" if issuer else "outside")
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        holder = public or self.key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(holder)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + lasts)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), critical=True)
        )
        flags = dict.fromkeys(USAGES, False) | {"key_cert_sign": usage, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
        own_id = x509.SubjectKeyIdentifier.from_public_key(holder)
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        for extension in (own_id, issuer_id, *extensions):
            builder = builder.add_extension(extension, critical=False)
        made = builder.sign(signer.key, SHA256)
        self.certificate = made.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def pem_key(self) -> str:
        """The private key, PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
