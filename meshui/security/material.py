"""What somebody brings to be the mesh's authority: PEM in, certificates and keys out.

It is refused here whatever proxies would choke on later: each certificate is looked at by itself, the chain is
verified, and in the end two peers with certificates below it shake hands as proxies do. Knows nothing of where it will
be kept. Every refusal is an InvalidInput at ``certificate``, ``key`` or ``key_place``.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from meshui.core.errors import InvalidInput
from meshui.security import pki
from meshui.security.contexts import mutual, shake_hands
from meshui.security.csr import DIGESTS, is_strong

E = TypeVar("E", bound=x509.ExtensionType)

MAX_CHARS = 65_536
MAX_CERTIFICATES = 5


@dataclass(frozen=True, slots=True)
class Chain:
    """From the CA that signs leaves up to the self-signed root. ``intermediate`` is None where only a root was brought;
    ``links`` are between the two."""

    intermediate: x509.Certificate | None
    links: tuple[x509.Certificate, ...]
    root: x509.Certificate

    @property
    def lowest(self) -> x509.Certificate:
        """Whose key signs what comes below."""
        return self.intermediate or self.root


@dataclass(frozen=True, slots=True)
class Needs:
    """What an authority must be good for."""

    trust_domain: str
    now: datetime
    leaf_lifetime: timedelta

    @property
    def until(self) -> datetime:
        """How long each of its certificates must last."""
        return self.now + pki.LEAVES_PER_INTERMEDIATE * self.leaf_lifetime


# --- certificates -----------------------------------------------------------------------------------------------


def read_chain(text: str, needs: Needs, *, root: str = "") -> Chain:
    """The certificates of a PEM text, the lowest first. ``root`` is the one to end with where the text has none."""
    found = _parsed(text)
    if root and not _issued(found[-1], found[-1]):
        found.append(x509.load_pem_x509_certificate(root.encode()))
    if not _issued(found[-1], found[-1]):
        raise _refused("not_self_signed", "the last certificate is no root: it is not signed by its own key")
    for lower, upper in pairwise(found):
        if not _issued(lower, upper):
            raise _refused("broken_chain", f"{_name(lower)} is not signed by {_name(upper)}, which comes next")
    alone = len(found) == 1
    for index, certificate in enumerate(found):
        _check(certificate, needs, below=1 if alone else index)
    return Chain(None if alone else found[0], tuple(found[1:-1]), found[-1])


def _parsed(text: str) -> list[x509.Certificate]:
    if len(text) > MAX_CHARS:
        raise _refused("too_large", f"it has {len(text)} characters, at most {MAX_CHARS} are read")
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        for certificate in found:
            certificate.public_key()
            list(certificate.extensions)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise _refused("malformed", "it is no text of PEM certificates") from error
    if len(found) > MAX_CERTIFICATES:
        raise _refused("too_many", f"it has {len(found)} certificates, at most {MAX_CERTIFICATES} are taken")
    return found


def _issued(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check(certificate: x509.Certificate, needs: Needs, *, below: int) -> None:
    """That it is a CA with ``below`` CAs under it, for our names, strong, and for long enough."""
    name, key = _name(certificate), certificate.public_key()
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise _refused("not_a_ca", f"{name} is no CA certificate")
    if constraints.path_length is not None and constraints.path_length < below:
        raise _refused(
            "path_length", f"{name} allows {constraints.path_length} CAs below it, and {below} will be there"
        )
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise _refused("key_usage", f"the key of {name} may not sign certificates")
    if not is_strong(key) or not isinstance(certificate.signature_hash_algorithm, DIGESTS):
        raise _refused("weak", f"{name} is not of SHA-2 with P-256, P-384 or RSA of 2048 to 4096 bits")
    if certificate.not_valid_before_utc > needs.now:
        raise _refused("not_yet_valid", f"{name} begins at {certificate.not_valid_before_utc.isoformat()}")
    if certificate.not_valid_after_utc < needs.until:
        raise _refused(
            "too_short",
            f"{name} ends at {certificate.not_valid_after_utc.isoformat()}; it must last for "
            f"{pki.LEAVES_PER_INTERMEDIATE} lifetimes of a proxy's certificate, {needs.until.isoformat()}",
        )
    names = _extension(certificate, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if foreign := [uri for uri in uris if urlsplit(uri).netloc != needs.trust_domain]:
        raise _refused("foreign_domain", f"{name} is of {foreign[0]}, this mesh of {needs.trust_domain}")


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


# --- keys -------------------------------------------------------------------------------------------------------


def read_key(text: str, certificate: x509.Certificate) -> pki.SigningKey:
    """The private key of the certificate, PEM without a passphrase."""
    if len(text) > MAX_CHARS:
        raise _refused("too_large", "it is too large for a key", "key")
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except TypeError as error:
        raise _refused("encrypted", "it is under a passphrase; give it without, it is sealed here", "key") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused("malformed", "it is no PEM private key", "key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) or not is_strong(key.public_key()):
        raise _refused("weak", "it is none of P-256, P-384 and RSA of 2048 to 4096 bits", "key")
    if key.public_key() != certificate.public_key():
        raise _refused("mismatch", f"it is not the key of {_name(certificate)}", "key")
    return key


# --- the proof --------------------------------------------------------------------------------------------------


def try_out(issuer: pki.Signer, links: Sequence[x509.Certificate], root: x509.Certificate, needs: Needs) -> None:
    """Have two peers with certificates by this issuer shake hands, trusting the root alone: name constraints, purposes
    and whatever else a chain may carry are judged by the library that judges them in proxies. Raises
    AuthorityUnavailable where the issuer's key is with a signer that fails."""
    key = ec.generate_private_key(ec.SECP256R1())
    identity = f"spiffe://{needs.trust_domain}/ns/meshui/svc/trial"
    leaf = pki.make_leaf(issuer, key.public_key(), identity, ["trial.meshui.mesh"], needs.now, needs.leaf_lifetime)
    chain = "".join(map(pki.pem, (leaf, issuer.certificate, *links)))
    roots = [pki.pem(root)]
    try:
        shake_hands(mutual(chain, key, roots, server=True), mutual(chain, key, roots))
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or str(error)
        raise _refused("does_not_verify", f"peers with certificates below it refuse each other: {reason}") from error


def algorithm(key: CertificatePublicKeyTypes) -> str:
    """A key as people call it: ``EC P-256``, ``RSA 4096``."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC P-{key.curve.key_size}"
    return f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__


def _name(certificate: x509.Certificate) -> str:
    return f"'{certificate.subject.rfc4514_string()[:100] or certificate.serial_number}'"


def _refused(code: str, detail: str, path: str = "certificate") -> InvalidInput:
    return InvalidInput.field(path, code, detail)
