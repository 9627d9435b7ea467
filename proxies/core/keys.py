"""Public keys of token providers, and what they have signed. The engine is loaded with the first key; a proxy that
verifies no tokens does not carry it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from proxies.core.errors import BadMessage
from proxies.wire.tokens import VerificationKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
_CURVES: Final = {"P-256": ("ES256", 32), "P-384": ("ES384", 48), "P-521": ("ES512", 66)}
"""By name: the one algorithm of the curve (RFC 7518 section 3.4), and the length of each half of its signatures."""
_RSA: Final = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+").fullmatch

Check = Callable[[str, bytes, bytes], None]
"""Raises InvalidSignature."""


class SigningKey:
    """A key that signs by ``algorithms``, and by no other."""

    __slots__ = ("_algorithms", "_check", "kid")

    def __init__(self, kid: str, algorithms: frozenset[str], check: Check) -> None:
        self.kid = kid
        self._algorithms = algorithms
        self._check = check

    def fits(self, algorithm: str) -> bool:
        return algorithm in self._algorithms

    def signed(self, algorithm: str, data: bytes, signature: bytes) -> bool:
        """Whether this is its signature of the data."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._check(algorithm, data, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def read_key(key: VerificationKey) -> SigningKey:
    """Raises BadMessage for what is no public key that may be trusted."""
    try:
        if key.kty == "RSA":
            algorithms, check = _RSA, _rsa(key)
        elif key.kty == "EC":
            algorithms, check = _ec(key)
        else:
            algorithms, check = frozenset(("EdDSA",)), _ed25519(key)
    except ValueError as error:
        raise BadMessage(f"it is no {key.kty} key: {error}") from None
    if key.alg is not None:
        if key.alg not in algorithms:
            raise BadMessage(f"a key of {key.kty} {key.crv} does not sign by {key.alg}".replace("  ", " "))
        algorithms = frozenset((key.alg,))
    return SigningKey(key.kid, algorithms, check)


def _rsa(key: VerificationKey) -> Check:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    public = rsa.RSAPublicNumbers(_number(key.e), _number(key.n)).public_key()
    if not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
        raise ValueError(f"{public.key_size} bits, expected {MIN_RSA_BITS} to {MAX_RSA_BITS}")

    def check(algorithm: str, data: bytes, signature: bytes) -> None:
        digest = _digest(algorithm)
        if algorithm.startswith("PS"):
            scheme = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
            public.verify(signature, data, scheme, digest)
        else:
            public.verify(signature, data, padding.PKCS1v15(), digest)

    return check


def _ec(key: VerificationKey) -> tuple[frozenset[str], Check]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if key.crv not in _CURVES:
        raise ValueError(f"the curve {key.crv!r} is none of {', '.join(_CURVES)}")
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    algorithm, half = _CURVES[key.crv]
    public = ec.EllipticCurvePublicNumbers(_number(key.x), _number(key.y), curves[key.crv]).public_key()

    def check(algorithm: str, data: bytes, signature: bytes) -> None:
        if len(signature) != 2 * half:  # RFC 7518 section 3.4: both numbers at full length, and no ASN.1
            raise ValueError("the signature's length is not the curve's")
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(_digest(algorithm)))

    return frozenset((algorithm,)), check


def _ed25519(key: VerificationKey) -> Check:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if key.crv != "Ed25519":
        raise ValueError(f"the curve {key.crv!r} is not Ed25519")
    public = Ed25519PublicKey.from_public_bytes(_decoded(key.x))
    return lambda algorithm, data, signature: public.verify(signature, data)


def _digest(algorithm: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    return {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _decoded(text: str) -> bytes:
    if not _BASE64URL(text):
        raise ValueError("a number is missing, or no base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
