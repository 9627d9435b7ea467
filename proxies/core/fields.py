"""Header fields: which names mean something to a proxy, and the strict reading of field lines.

Works on bytes and keeps the original lines. A line that was read before is known again by its bytes: most of what peers
send is what they sent last time. Knows nothing of requests, responses or connections.
"""

from __future__ import annotations

from typing import Final

from proxies.core.errors import BadMessage

MAX_FIELDS: Final = 100
TCHAR: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""RFC 9110 section 5.6.2."""
_TEXT: Final = bytes([byte if byte == 0x09 or 0x20 <= byte != 0x7F else 0x20 for byte in range(256)])
"""A translation that changes what is no legal text (RFC 9110 section 5.5), and nothing else."""
_MAX_LENGTH_DIGITS: Final = 18

# What a name means here. ORDINARY lines are forwarded untouched; the rest is for the readers of heads.
ORDINARY: Final = 0
HOST: Final = 1
CONTENT_LENGTH: Final = 2
TRANSFER_ENCODING: Final = 3
CONNECTION: Final = 4
UPGRADE: Final = 5
HOP_BY_HOP: Final = 6
EXPECT: Final = 7
VIA: Final = 8
TRACEPARENT: Final = 9
TRACESTATE: Final = 10
REQUEST_ID: Final = 11
FORWARDED: Final = 12
CLIENT_CERT: Final = 13
B3: Final = 14

_MEANINGS: Final[dict[bytes, int]] = {
    b"host": HOST,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"keep-alive": HOP_BY_HOP,
    b"proxy-connection": HOP_BY_HOP,
    b"proxy-authenticate": HOP_BY_HOP,
    b"proxy-authorization": HOP_BY_HOP,
    b"te": HOP_BY_HOP,
    b"http2-settings": HOP_BY_HOP,
    b"expect": EXPECT,
    b"via": VIA,
    b"traceparent": TRACEPARENT,
    b"tracestate": TRACESTATE,
    b"x-request-id": REQUEST_ID,
    b"b3": B3,
    b"x-b3-traceid": B3,
    b"x-b3-spanid": B3,
    b"x-b3-parentspanid": B3,
    b"x-b3-sampled": B3,
    b"x-b3-flags": B3,
    b"forwarded": FORWARDED,
    b"x-forwarded-for": FORWARDED,
    b"x-forwarded-proto": FORWARDED,
    b"x-forwarded-host": FORWARDED,
    b"x-forwarded-port": FORWARDED,
    b"x-real-ip": FORWARDED,
    b"x-forwarded-client-cert": CLIENT_CERT,
}
_ENVOY: Final = b"x-envoy-"
"""By names that begin so, Envoys tell each other and apps where a request came from and how to treat it."""
_LISTS: Final = (TRANSFER_ENCODING, CONNECTION, UPGRADE)
_SECRETS: Final = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"))
_UNIQUE: Final = (TRACEPARENT, TRACESTATE, REQUEST_ID, B3)
_MAX_KNOWN: Final = 2048
_LONGEST_KNOWN: Final = 128


class Field:
    """A field line that was read. ``value`` is trimmed; ``tokens`` are those of a list that a proxy goes by, and of
    others empty."""

    __slots__ = ("meaning", "tokens", "value")

    def __init__(self, meaning: int, value: bytes) -> None:
        self.meaning = meaning
        self.value = value
        self.tokens = tokens(value) if meaning in _LISTS else ()


known: Final[dict[bytes, Field]] = {}
"""Lines that were read before. The hot path looks here first; ``read`` fills it."""


def read(line: bytes) -> Field:
    """Read a field line. Raises BadMessage for control characters, a bare CR or LF (RFC 9112 section 2.2), a missing
    colon, and for a name that is no token (RFC 9110 5.1), which covers whitespace before the colon and folded lines."""
    if line.translate(_TEXT) != line:
        raise BadMessage("control character or bare line break")
    name, colon, value = line.partition(b":")
    if not colon:
        raise BadMessage("field line without a colon")
    if not name or name.translate(None, TCHAR):
        raise BadMessage("field name is no token")
    name = name.lower()
    field = Field(_meaning(name), value.strip(b" \t"))
    if len(line) <= _LONGEST_KNOWN and name not in _SECRETS and field.meaning not in _UNIQUE:
        if len(known) >= _MAX_KNOWN:  # lines come from peers: what is known must not grow with them
            known.clear()
        known[line] = field
    return field


def meaning(name: bytes) -> int:
    """The meaning of a field name in any case."""
    return _meaning(name.lower())


def _meaning(name: bytes) -> int:
    return FORWARDED if name.startswith(_ENVOY) else _MEANINGS.get(name, ORDINARY)


def may_be_set(name: str) -> bool:
    """Whether this is a header's name at all, and of one that goes from end to end: not of those that frame a message,
    belong to one hop, or are the proxies' own word."""
    raw = name.encode()
    return bool(raw) and not raw.translate(None, TCHAR) and meaning(raw) == ORDINARY


def content_length(value: bytes, seen: int | None) -> int:
    """The value of a Content-Length field; ``seen`` is that of an earlier one. Even a repeated equal length is
    refused: RFC 9112 section 6.3 allows it, and no honest peer sends it."""
    if seen is not None or not value.isdigit() or len(value) > _MAX_LENGTH_DIGITS:
        raise BadMessage("content-length is repeated or no number")
    return int(value)


def tokens(value: bytes) -> tuple[bytes, ...]:
    """The members of a comma-separated list, lower case, without empty ones."""
    return tuple([token for part in value.lower().split(b",") if (token := part.strip(b" \t"))])


def without(lines: list[bytes], names: set[bytes]) -> list[bytes]:
    """Field lines except those with one of the lower-case names."""
    return [line for line in lines if line.partition(b":")[0].lower() not in names]


def values(lines: list[bytes], name: bytes) -> list[bytes]:
    """The values of all lines with the lower-case name, in order, trimmed."""
    found = []
    for line in lines:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            found.append(value.strip(b" \t"))
    return found
