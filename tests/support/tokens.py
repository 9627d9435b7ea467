"""Tokens and keys as tests need them, the wrong ones included. Signed step by step, so that any part can be wrong."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://id.example.com"
AUDIENCE = "catalog"
NOW = 1_800_000_000.0

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Sign = Callable[[bytes], bytes]
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key: Private, kid: str = "one", **more: Any) -> dict[str, Any]:
    """The public half."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "n": _number(numbers.n), "e": _number(numbers.e), **more}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        size = (key.curve.key_size + 7) // 8
        return {
            "kty": "EC",
            "kid": kid,
            "crv": _CURVES[key.curve.name],
            "x": encoded(point.x.to_bytes(size, "big")),
            "y": encoded(point.y.to_bytes(size, "big")),
            **more,
        }
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": encoded(raw), **more}


def signing(key: Private, algorithm: str) -> Sign:
    """Signs as the algorithm says."""

    def sign(data: bytes) -> bytes:
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        digest = _HASHES[algorithm[2:]]
        if isinstance(key, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
            size = (key.curve.key_size + 7) // 8
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if algorithm.startswith("PS"):
            return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return key.sign(data, padding.PKCS1v15(), digest)

    return sign


def claims(now: float = NOW, **more: Any) -> dict[str, Any]:
    """Those of a good token, but for what is said otherwise; None leaves one out."""
    found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(now) + 600, **more}
    return {name: value for name, value in found.items() if value is not None}


def token(
    key: Private,
    payload: dict[str, Any],
    *,
    alg: str = "RS256",
    kid: str | None = "one",
    sign: Sign | None = None,
    **header: Any,
) -> str:
    head = {"alg": alg, **({} if kid is None else {"kid": kid}), **header}
    signed = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(payload).encode())}"
    return f"{signed}.{encoded((sign or signing(key, alg))(signed.encode()))}"


def _number(number: int) -> str:
    return encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
