"""Reading a certificate signing request that a stranger wrote.

Only its public key is of use, and the proof that the sender holds the private one. Names and extensions in it are
never looked at: who a proxy is comes from its token or its current certificate.
"""

from __future__ import annotations

from typing import TypeGuard

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from meshui.core.errors import InvalidInput

MAX_CSR_CHARS = 8192
RSA_BITS = range(2048, 4097)
"""Above the upper end a verification costs us more than it costs the sender."""
DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def proven_key(csr_pem: str) -> PublicKey:
    """The public key whose holder signed the request.

    Raises InvalidInput at ``csr``: ``too_large``, ``malformed``, ``weak_key`` (only P-256, P-384 and RSA of 2048 to
    4096 bits are taken) or ``not_proven``.
    """
    if len(csr_pem) > MAX_CSR_CHARS:
        raise _refused("too_large", f"it has {len(csr_pem)} characters, at most {MAX_CSR_CHARS} are read")
    try:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        key = csr.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused("malformed", "it is no PEM certificate signing request") from error
    if not is_strong(key):
        raise _refused("weak_key", "its key is none of P-256, P-384 and RSA of 2048 to 4096 bits")
    if not _proven(csr):
        raise _refused("not_proven", "it is not signed, with SHA-2, by the key it carries")
    return key


def is_strong(key: object) -> TypeGuard[PublicKey]:
    """Whether it is a public key of a kind and size that the mesh takes."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)


def _proven(csr: x509.CertificateSigningRequest) -> bool:
    try:
        return isinstance(csr.signature_hash_algorithm, DIGESTS) and csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        return False


def _refused(code: str, detail: str) -> InvalidInput:
    return InvalidInput.field("csr", code, detail)
