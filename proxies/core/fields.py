"""Header fields: which names mean something to a proxy, and the strict reading of a block of field lines.

Works on bytes and keeps the original lines. Knows nothing of requests, responses or connections.
"""

from __future__ import annotations

from proxies.core.errors import BadMessage

MAX_FIELDS = 100
TCHAR = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""RFC 9110 section 5.6.2."""
_TEXT = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_MAX_LENGTH_DIGITS = 18

# What a name means here. ORDINARY lines are forwarded untouched; the rest is for the readers of heads.
ORDINARY = 0
HOST = 1
CONTENT_LENGTH = 2
TRANSFER_ENCODING = 3
CONNECTION = 4
UPGRADE = 5
HOP_BY_HOP = 6
EXPECT = 7
VIA = 8
TRACEPARENT = 9
TRACESTATE = 10
REQUEST_ID = 11
FORWARDED = 12
CLIENT_CERT = 13

_MEANINGS: dict[bytes, int] = {
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
    b"forwarded": FORWARDED,
    b"x-forwarded-for": FORWARDED,
    b"x-forwarded-proto": FORWARDED,
    b"x-forwarded-host": FORWARDED,
    b"x-forwarded-port": FORWARDED,
    b"x-real-ip": FORWARDED,
    b"x-forwarded-client-cert": CLIENT_CERT,
}
_COMMON = (
    b"accept accept-encoding accept-language accept-ranges age authorization cache-control content-encoding "
    b"content-language content-type cookie date etag expires if-match if-modified-since if-none-match "
    b"last-modified location origin pragma range referer server set-cookie user-agent vary x-trace-id"
).split()
_CACHE_MAX = 2048

_known: dict[bytes, int] = {}
for _name in (*_COMMON, *_MEANINGS):
    _known[_name] = _known[_name.title()] = _MEANINGS.get(_name, ORDINARY)


def meaning(name: bytes) -> int:
    """The meaning of a field name in any case. Raises BadMessage for a name that is no token (RFC 9110 5.1), which
    covers whitespace before the colon and folded lines."""
    known = _known.get(name)
    if known is not None:
        return known
    if not name or name.translate(None, TCHAR):
        raise BadMessage("field name is no token")
    found = _MEANINGS.get(name.lower(), ORDINARY)
    if len(_known) < _CACHE_MAX:  # names come from peers: the cache must not grow with them
        _known[name] = found
    return found


known_meaning = _known.get
"""``meaning`` for the common spellings only; None for any other name. The hot path asks this first."""


def split_lines(head: bytes) -> list[bytes]:
    """The lines of a head without its final empty line. Raises BadMessage for control characters, and for a CR or
    LF that is not part of a CRLF (RFC 9112 section 2.2)."""
    lines = head.split(b"\r\n")
    # Whatever is left without legal text must be exactly the line breaks that we split at.
    if head.translate(None, _TEXT) != b"\r\n" * (len(lines) - 1):
        raise BadMessage("control character or bare line break")
    if len(lines) > MAX_FIELDS + 1:
        raise BadMessage("too many fields", 431)
    return lines


def content_length(value: bytes, seen: int | None) -> int:
    """The value of a Content-Length field; ``seen`` is that of an earlier one. Even a repeated equal length is
    refused: RFC 9112 section 6.3 allows it, and no honest peer sends it."""
    value = value.strip(b" \t")
    if seen is not None or not value.isdigit() or len(value) > _MAX_LENGTH_DIGITS:
        raise BadMessage("content-length is repeated or no number")
    return int(value)


def tokens(value: bytes) -> list[bytes]:
    """The members of a comma-separated list, lower case, without empty ones."""
    return [token for part in value.lower().split(b",") if (token := part.strip(b" \t"))]


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
