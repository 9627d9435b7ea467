"""Paths and authorities, brought to the one form that is matched and forwarded."""

from __future__ import annotations

import re
from typing import Final

from proxies.core.errors import BadMessage

_SEGMENT = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/"
_PLAIN: Final = bytes([byte if byte in _SEGMENT else 0x2F for byte in range(256)])
"""A translation that changes what a path must be normalised for, byte by byte, and nothing else."""
_ODD: Final = re.compile(rb"/[/.]").search
_TARGET: Final = re.compile(rb"[!-~]+").fullmatch
_PERCENT: Final = re.compile(rb"%(..)?", re.DOTALL)
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{2}").fullmatch
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_REFUSED: Final = frozenset(b"/\\\x00")
_AUTHORITY: Final = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?").fullmatch

_MAX_AUTHORITIES: Final = 1024
_authorities: Final[dict[bytes, tuple[bytes, int | None]]] = {}


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """``(path, query)`` of an origin-form target; the path normalised, the query with its question mark.

    Raises BadMessage for what is no target, and for an encoded slash, backslash or NUL, which two readers of one
    path would understand differently.
    """
    path, mark, query = target.partition(b"?")
    if path.translate(_PLAIN) != path or _ODD(path) is not None or path[:1] != b"/":
        path = normalise(path)
    if not mark:
        return path, b""
    if (_TARGET(query) is None and query) or b"#" in query:
        raise BadMessage("query holds an illegal character")
    return path, mark + query


def normalise(path: bytes) -> bytes:
    """Decode unreserved characters, merge slashes, resolve dot segments (RFC 3986 section 6.2.2). Idempotent."""
    if not path.startswith(b"/") or _TARGET(path) is None or b"#" in path or b"\\" in path:
        raise BadMessage("path holds an illegal character")
    segments: list[bytes] = []
    parts = _PERCENT.sub(_decode, path).split(b"/")
    for part in parts:
        if part == b"..":
            if segments:
                segments.pop()
        elif part.startswith((b"..;", b".;")):
            raise BadMessage("dot segment with a parameter")  # some servers drop the parameter, then resolve the dots
        elif part and part != b".":
            segments.append(part)
    trailing = parts[-1] in (b"", b".", b"..") and segments
    return b"/" + b"/".join(segments) + (b"/" if trailing else b"")


def _decode(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if digits is None or _HEX(digits) is None:
        raise BadMessage("malformed percent-encoding")
    byte = int(digits, 16)
    if byte in _REFUSED:
        raise BadMessage("path encodes a slash, a backslash or NUL")
    return bytes((byte,)) if byte in _UNRESERVED else b"%" + digits.upper()


def split_authority(authority: bytes) -> tuple[bytes, int | None]:
    """``(host in lower case, port or None)``. Raises BadMessage for user information and malformed hosts."""
    known = _authorities.get(authority)
    if known is None:
        if len(_authorities) >= _MAX_AUTHORITIES:  # peers choose them: what is known must not grow with them
            _authorities.clear()
        known = _authorities[authority] = _read_authority(authority)
    return known


def _read_authority(authority: bytes) -> tuple[bytes, int | None]:
    match = _AUTHORITY(authority)
    if match is None:
        raise BadMessage("malformed host")
    host, port = match.groups()
    if port is None:
        return host.lower(), None
    if not 0 < int(port) < 65536:
        raise BadMessage("port out of range")
    return host.lower(), int(port)
