"""What a proxy needs to know of its own certificate chain, read without the library that it does not carry."""

from __future__ import annotations

import ssl

_END = "-----END CERTIFICATE-----"
_SEQUENCE, _INTEGER, _EXPLICIT_0 = 0x30, 0x02, 0xA0


def serial_of(chain: str) -> str:
    """The serial of the leaf of a PEM chain, hex without leading zeros; empty where the chain is none."""
    leaf, end, _ = chain.partition(_END)
    try:
        return _serial(ssl.PEM_cert_to_DER_cert(leaf.strip() + end))
    except (ValueError, IndexError):
        return ""


def _serial(der: bytes) -> str:
    """Of ``Certificate ::= SEQUENCE { SEQUENCE { [0] version, INTEGER serial, ...`` (RFC 5280 section 4.1)."""
    at, _ = _enter(der, 0, _SEQUENCE)
    at, _ = _enter(der, at, _SEQUENCE)
    if der[at] == _EXPLICIT_0:
        at, length = _enter(der, at, _EXPLICIT_0)
        at += length
    at, length = _enter(der, at, _INTEGER)
    return f"{int.from_bytes(der[at : at + length]):x}"


def _enter(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` begins, and its length (X.690 section 8.1.3)."""
    if der[at] != tag:
        raise ValueError
    length, at = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(der[at : at + size]), at + size
    return at, length
