"""The mesh's X.509 certificates: what a root, an intermediate and a leaf look like.

Pure: keys and times in, certificates out. Knows nothing of where they are stored. Shapes follow the SPIFFE X.509-SVID
standard and RFC 5280: a CA carries its trust domain as URI SAN and may vouch for no other one; a leaf carries one
URI SAN, the identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meshui.mesh.names import DOMAIN
from meshui.security.csr import PublicKey

CLOCK_SKEW = timedelta(seconds=60)
"""Certificates begin this much before they are made, for peers whose clocks are behind."""
ROOT_LIFETIME = timedelta(days=3650)
INTERMEDIATE_LIFETIME = timedelta(days=365)
LEAVES_PER_INTERMEDIATE = 3
"""An intermediate lives at least this many leaf lifetimes."""


SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A CA certificate and its private key."""

    certificate: x509.Certificate
    key: SigningKey = field(repr=False)


def make_root(trust_domain: str, now: datetime) -> Signer:
    """A self-signed root that allows one CA below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _ca_name(trust_domain, "root", key.public_key())
    builder = _ca(name, name, key.public_key(), trust_domain, path_length=1)
    builder = _lasting(builder, now, now + ROOT_LIFETIME)
    return Signer(builder.sign(key, hashes.SHA256()), key)


def make_intermediate(root: Signer, trust_domain: str, now: datetime, leaf_lifetime: timedelta) -> Signer:
    """A CA that signs leaves only; it does not outlive its root."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _ca_name(trust_domain, "intermediate", key.public_key())
    lifetime = max(INTERMEDIATE_LIFETIME, LEAVES_PER_INTERMEDIATE * leaf_lifetime)
    builder = _ca(name, root.certificate.subject, key.public_key(), trust_domain, path_length=0)
    builder = _lasting(builder, now, min(now + lifetime, root.certificate.not_valid_after_utc))
    builder = builder.add_extension(_issuer_key(root), critical=False)
    return Signer(builder.sign(root.key, hashes.SHA256()), key)


def make_request(trust_domain: str) -> tuple[x509.CertificateSigningRequest, ec.EllipticCurvePrivateKey]:
    """What a root elsewhere is asked to sign: an intermediate of this trust domain, with all that it should carry."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        _ca_name(trust_domain, "intermediate", key.public_key())
    )
    for extension, critical in _ca_extensions(key.public_key(), trust_domain, path_length=0):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256()), key


def make_leaf(
    issuer: Signer, key: PublicKey, identity: str, dns_names: Sequence[str], now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """A certificate for both ends of mTLS; it does not outlive its issuer."""
    names = [x509.UniformResourceIdentifier(identity), *map(x509.DNSName, dns_names)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "meshui")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_issuer_key(issuer), critical=False)
    )
    builder = _lasting(builder, now, min(now + lifetime, issuer.certificate.not_valid_after_utc))
    return builder.sign(issuer.key, hashes.SHA256())


def identity_of(certificate: x509.Certificate) -> str:
    """Its one URI SAN. Raises ValueError where it has none or several."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise ValueError("the certificate names no identity") from error
    identities = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(identities) != 1:
        raise ValueError(f"the certificate names {len(identities)} identities, expected one")
    return identities[0]


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _ca(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, trust_domain: str, path_length: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    for extension, critical in _ca_extensions(key, trust_domain, path_length):
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _ca_extensions(
    key: ec.EllipticCurvePublicKey, trust_domain: str, path_length: int
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """What makes a CA of this trust domain, and whether a reader must understand it."""
    names = [x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")]
    allowed = [x509.UniformResourceIdentifier(trust_domain), x509.DNSName(DOMAIN)]
    yield x509.BasicConstraints(ca=True, path_length=path_length), True
    yield _key_usage(key_cert_sign=True, crl_sign=True), True
    yield x509.NameConstraints(permitted_subtrees=allowed, excluded_subtrees=None), True
    yield x509.SubjectAlternativeName(names), False
    yield x509.SubjectKeyIdentifier.from_public_key(key), False


def _lasting(builder: x509.CertificateBuilder, now: datetime, until: datetime) -> x509.CertificateBuilder:
    return builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(until)


def _ca_name(trust_domain: str, role: str, key: ec.EllipticCurvePublicKey) -> x509.Name:
    """Another name for every key: path length does not count a CA whose issuer bears its own name (RFC 5280, 6.1.4)."""
    digest = x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()[:8]
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "meshui"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{trust_domain[:40]} {role} {digest}"),
        ]
    )


def _issuer_key(issuer: Signer) -> x509.AuthorityKeyIdentifier:
    """By the issuer's own name for its key, which in an imported certificate need not be the hash of it."""
    try:
        known = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
