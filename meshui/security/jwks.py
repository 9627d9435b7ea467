"""Reading a set of keys (JWKS, RFC 7517 section 5): which of them verify signatures, and what must not be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec

from meshui.core.errors import FieldError
from proxies.core.errors import BadMessage
from proxies.core.keys import read_key
from proxies.wire.tokens import Algorithm, VerificationKey

MAX_KEYS = 50
KINDS = frozenset({"RSA", "EC", "OKP"})
ALGORITHMS = frozenset(get_args(Algorithm))
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Parts of a private key, or a shared one (RFC 7518 section 6)."""
PUBLIC = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")


class KeysRefused(ValueError):
    """What cannot be a set of keys to trust. ``errors`` name the fields within it."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors[0].detail)
        self.errors = errors


def read_keys(document: object) -> list[VerificationKey]:
    """The keys that verify signatures, in their order. What is meant for something else (``use``, ``alg``,
    ``key_ops``) is left out. Raises KeysRefused for a secret among them, a key that is none, and where none is left.
    """
    found = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(found, list):
        raise KeysRefused([FieldError("keys", "required", 'expected a JSON object with a list "keys"')])
    if len(found) > MAX_KEYS:
        raise KeysRefused([FieldError("keys", "too_many", f"{len(found)} keys, at most {MAX_KEYS}")])
    errors: list[FieldError] = []
    keys: list[VerificationKey] = []
    for index, entry in enumerate(found):
        try:
            keys += _key(entry)
        except ValueError as error:
            errors.append(FieldError(f"keys.{index}", "invalid", str(error)))
    if not keys and not errors:
        errors.append(FieldError("keys", "required", "none of the keys verifies signatures that may be trusted"))
    if errors:
        raise KeysRefused(errors)
    return keys


def read_document(data: bytes) -> list[VerificationKey]:
    """The same of bytes. Raises KeysRefused."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise KeysRefused([FieldError("", "invalid", f"it is no JSON: {error}")]) from None
    return read_keys(document)


def _key(entry: object) -> Iterator[VerificationKey]:
    if not isinstance(entry, Mapping):
        raise ValueError("expected an object")
    if SECRET & entry.keys():
        raise ValueError("it holds a secret: only public keys belong here")
    if not _is_to_verify(entry):
        return
    said = {name: entry[name] for name in PUBLIC if name in entry}
    for name in ("n", "e", "x", "y"):
        if isinstance(said.get(name), str):
            said[name] = said[name].rstrip("=")
    try:
        key = msgspec.convert(said, VerificationKey)
        read_key(key)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    except BadMessage as error:
        raise ValueError(error.reason) from None
    yield key


def _is_to_verify(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("kty") in KINDS
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") in ALGORITHMS
        and isinstance(operations, list)
        and "verify" in operations
    )
