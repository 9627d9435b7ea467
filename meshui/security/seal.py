"""Private keys at rest: AES-256-GCM under the key from the environment.

A sealed key is bound to what it belongs to: moved to another row, it does not open.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class SealError(Exception):
    """Another key sealed it, or it belongs elsewhere, or it was changed."""


def seal(master: bytes, secret: bytes, owner: str) -> bytes:
    """Nonce and ciphertext. ``master`` is 32 bytes; ``owner`` names what the secret belongs to."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(master).encrypt(nonce, secret, owner.encode())


def unseal(master: bytes, sealed: bytes, owner: str) -> bytes:
    """What ``seal`` was given. Raises SealError."""
    try:
        return AESGCM(master).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode())
    except (InvalidTag, ValueError) as error:
        raise SealError("it was sealed under another key, or for another owner, or it was changed") from error
