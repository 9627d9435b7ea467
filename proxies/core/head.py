"""The strict reading of request and response heads (RFC 9110, RFC 9112), and what of them is forwarded.

One scan over the lines decides everything a proxy must know: where the body ends, whether the connection lives on,
which lines go on. Whatever two readers could understand differently is refused, in both directions: that is what
makes request smuggling impossible. Original bytes are forwarded; hop-by-hop fields are not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from proxies.core import fields as f
from proxies.core.claims import Token
from proxies.core.errors import BadMessage
from proxies.core.paths import split_authority, split_target
from proxies.core.trace import Mark, from_b3, is_request_id, is_traceparent

if TYPE_CHECKING:
    from proxies.core.authorize import Decision

MAX_HEAD: Final = 64 * 1024

# Bodies: a length, or one of these.
CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2

_METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"))
_IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"))
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?").fullmatch
_VERSION: Final = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
_KEEP_ALIVE: Final = (b"keep-alive",)
_HTTP_OR_TLS: Final = (b"h2", b"http/", b"tls/")
_NOT_BY_CONNECTION: Final = frozenset((b"close", b"keep-alive", b"upgrade", b"host", b"content-length", b"via"))


class RequestHead:
    """A request as a proxy sees it. ``lines`` is the new head: request line, then the field lines that go on.

    ``path`` is normalised and without query, ``host`` lower case without port. ``body`` is its
    length or CHUNKED. ``upgrade`` is the protocol asked for, or empty. ``traced`` and ``identified`` say whether valid
    ids came with it; ``mark`` is set when it is decided whether its span is kept, ``token`` when one was verified.
    ``decision`` is that of the access policies, ``rule`` what else decided, as ``proxies.wire.logs.LogRecord`` has it.
    """

    __slots__ = (
        "body",
        "close",
        "decision",
        "expect",
        "host",
        "identified",
        "lines",
        "mark",
        "method",
        "minor",
        "path",
        "port",
        "rule",
        "token",
        "traced",
        "upgrade",
    )

    method: bytes
    path: bytes
    host: bytes
    port: int | None
    minor: int
    lines: list[bytes]
    body: int
    close: bool
    expect: bool
    upgrade: bytes
    traced: bool
    identified: bool
    mark: Mark | None
    decision: Decision | None
    rule: str
    token: Token | None

    @property
    def idempotent(self) -> bool:
        return self.method in _IDEMPOTENT

    @property
    def ruling(self) -> str:
        """What decided on the request; empty where nothing but its route did."""
        return self.rule or (self.decision.name if self.decision is not None else "")


class ResponseHead:
    """A response as a proxy sees it. ``lines`` starts with the status line; ``body`` is a length, CHUNKED or
    UNTIL_CLOSE; ``close`` says that its sender ends the connection after it."""

    __slots__ = ("body", "close", "lines", "status", "upgrade")

    status: int
    lines: list[bytes]
    body: int
    close: bool
    upgrade: bytes


def read_request(head: bytes, *, edge: bool = False, loop_mark: bytes = b"") -> RequestHead:
    """Read a head (without its final empty line). ``edge`` drops what a stranger claims about where a request came
    from; ``loop_mark`` is the name that this hop writes into ``Via``. Raises BadMessage."""
    lines = _lines(head)
    request = RequestHead()
    target = _request_line(request, lines[0])
    kept = [lines[0]]
    host = b""
    hosts = 0
    length: int | None = None
    codings: tuple[bytes, ...] = ()
    options: tuple[bytes, ...] = ()
    upgrades: tuple[bytes, ...] = ()
    traceparent: bytes | None = None
    traceparents = 0
    states: list[bytes] | None = None
    identified = expect = b3 = False
    known = f.known
    for line in lines[1:]:
        field = known.get(line)
        if field is None:
            field = f.read(line)
        meaning = field.meaning
        if meaning == f.ORDINARY:
            kept.append(line)
        elif meaning == f.HOST:
            host = field.value
            hosts += 1
            kept.append(line)
        elif meaning == f.CONTENT_LENGTH:
            length = f.content_length(field.value, length)
            kept.append(line)
        elif meaning == f.TRANSFER_ENCODING:
            codings += field.tokens or (b"",)
        elif meaning == f.CONNECTION:
            options += field.tokens
        elif meaning == f.UPGRADE:
            upgrades += field.tokens
        elif meaning == f.TRACEPARENT:
            traceparents += 1
            if is_traceparent(field.value):
                traceparent = line
        elif meaning == f.TRACESTATE:
            states = [*(states or ()), line]
        elif meaning == f.REQUEST_ID:
            if not identified and is_request_id(field.value):
                identified = True
                kept.append(line)
        elif meaning == f.B3:
            b3 = True
            kept.append(line)
        elif meaning == f.EXPECT:
            if field.value.lower() != b"100-continue":
                raise BadMessage("unknown expectation", 417)
            expect = request.minor == 1
            if expect:
                kept.append(line)
        elif meaning == f.VIA:
            if loop_mark and loop_mark in field.value:
                raise BadMessage("request passed here before", 508)
            kept.append(line)
        elif meaning == f.FORWARDED and not edge:
            kept.append(line)
    if hosts > 1:
        raise BadMessage("more than one host")
    request.traced = traceparent is not None and traceparents == 1
    if traceparent is not None and request.traced:
        kept.append(traceparent)
        kept += states or ()
    elif b3:
        traceparent = from_b3(kept)
        if traceparent is not None:
            request.traced = True
            kept.append(traceparent)
    request.mark = None
    request.decision = None
    request.rule = ""
    request.token = None
    request.identified = identified
    request.expect = expect
    address = _address(request, target, host)
    if request.minor == 0 or address != target:
        kept[0] = b"%b %b HTTP/1.1" % (request.method, address)
    request.body = _request_body(request, length, codings)
    request.upgrade = b""
    if request.minor == 1:
        request.close = b"close" in options
    else:
        request.close = b"keep-alive" not in options
    if request.body == CHUNKED:
        kept.append(b"transfer-encoding: chunked")
    if options and options != _KEEP_ALIVE:  # which nearly every old-fashioned peer says
        if upgrades and b"upgrade" in options:
            _ask_upgrade(request, kept, upgrades)
        kept = _unnamed(kept, options)
    request.lines = kept
    return request


def _lines(head: bytes) -> list[bytes]:
    lines = head.split(b"\r\n")
    if len(lines) > f.MAX_FIELDS + 1:
        raise BadMessage("too many fields", 431)
    return lines


def _request_line(request: RequestHead, line: bytes) -> bytes:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise BadMessage("malformed request line")
    method, target, version = parts
    if version == b"HTTP/1.1":
        request.minor = 1
    elif version == b"HTTP/1.0":
        request.minor = 0
    else:
        raise BadMessage("unknown version", 505 if _VERSION(version) else 400)
    if method not in _METHODS:
        if not method or len(method) > 32 or method.translate(None, f.TCHAR):
            raise BadMessage("malformed method")
        if method == b"CONNECT":
            raise BadMessage("tunnels are not offered", 405)
    request.method = method
    return target


def _address(request: RequestHead, target: bytes, host: bytes) -> bytes:
    """Fill in host, port and path from the target and the Host field; returns the target in origin form."""
    if not host:
        raise BadMessage("missing host")
    request.host, request.port = split_authority(host)
    if target.startswith(b"/"):
        request.path, query = split_target(target)
        return request.path + query
    if target == b"*" and request.method == b"OPTIONS":
        request.path = target
        return target
    return _absolute(request, target)


def _absolute(request: RequestHead, target: bytes) -> bytes:
    """RFC 9112 section 3.2.2, but a Host that differs is refused rather than replaced."""
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() != b"http":
        raise BadMessage("malformed target")
    end = min(i for i in (rest.find(b"/"), rest.find(b"?"), len(rest)) if i >= 0)
    host, port = split_authority(rest[:end])
    if host != request.host or (port or 80) != (request.port or 80):
        raise BadMessage("target and host differ")
    path = rest[end:]
    request.path, query = split_target(path if path.startswith(b"/") else b"/" + path)
    return request.path + query


def _request_body(request: RequestHead, length: int | None, codings: tuple[bytes, ...]) -> int:
    if not codings:
        return length or 0
    if length is not None:
        raise BadMessage("content-length and transfer-encoding")
    if request.minor == 0 or codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
        raise BadMessage("the last transfer coding is not one chunked")
    if len(codings) > 1:
        raise BadMessage("unknown transfer coding", 501)
    return CHUNKED


def _ask_upgrade(request: RequestHead, kept: list[bytes], upgrades: tuple[bytes, ...]) -> None:
    """Forward the wish for another protocol. Not HTTP/2 or TLS, in which requests would pass by every rule of the mesh,
    and not beside a body, whose end and the tunnel's start two readers could see in different places."""
    if request.minor == 1 and request.body == 0 and len(upgrades) == 1 and not upgrades[0].startswith(_HTTP_OR_TLS):
        request.upgrade = upgrades[0]
        kept.append(b"connection: upgrade")
        kept.append(b"upgrade: " + upgrades[0])


def _unnamed(kept: list[bytes], options: tuple[bytes, ...]) -> list[bytes]:
    """Remove the fields that Connection names; what a message needs to stay itself cannot be named away."""
    named = {option for option in options if option not in _NOT_BY_CONNECTION}
    return [kept[0], *f.without(kept[1:], named)] if named else kept


class _Status:
    """A status line: ``line`` is as it goes on."""

    __slots__ = ("code", "line", "minor")

    def __init__(self, code: int, minor: int, line: bytes) -> None:
        self.code = code
        self.minor = minor
        self.line = line


_MAX_STATUSES: Final = 256
_statuses: Final[dict[bytes, _Status]] = {}


def _read_status(line: bytes) -> _Status:
    match = _STATUS_LINE(line)
    if match is None:
        raise BadMessage("malformed status line")
    minor, code, reason = match.groups()
    if len(_statuses) >= _MAX_STATUSES:  # reasons come from peers: what is known must not grow with them
        _statuses.clear()
    status = _statuses[line] = _Status(int(code), int(minor), b"HTTP/1.1 %b %b" % (code, reason or b""))
    return status


def read_response(head: bytes, *, method: bytes, upgrade: bytes = b"") -> ResponseHead:
    """Read the head of a response to a ``method`` request that asked for ``upgrade``. Raises BadMessage."""
    lines = _lines(head)
    first = _statuses.get(lines[0])
    if first is None:
        first = _read_status(lines[0])
    response = ResponseHead()
    status = response.status = first.code
    kept = [first.line]
    length: int | None = None
    length_line = b""
    codings: tuple[bytes, ...] = ()
    options: tuple[bytes, ...] = ()
    upgrades: tuple[bytes, ...] = ()
    known = f.known
    for line in lines[1:]:
        field = known.get(line)
        if field is None:
            field = f.read(line)
        meaning = field.meaning
        if meaning == f.CONTENT_LENGTH:
            length = f.content_length(field.value, length)
            length_line = line
        elif meaning == f.TRANSFER_ENCODING:
            codings += field.tokens or (b"",)
        elif meaning == f.CONNECTION:
            options += field.tokens
        elif meaning == f.UPGRADE:
            upgrades += field.tokens
        elif meaning != f.HOP_BY_HOP:
            kept.append(line)
    response.upgrade = b""
    if codings and (length is not None or first.minor == 0 or codings != (b"chunked",)):
        raise BadMessage("the end of the body is ambiguous")
    if status == 101:
        if not upgrade or upgrades != (upgrade,) or codings or length:
            raise BadMessage("an upgrade that nobody asked for")
        response.upgrade = upgrade
        kept.append(b"connection: upgrade")
        kept.append(b"upgrade: " + upgrade)
    # RFC 9112 section 6.3: what has no body whatever its fields say, then the fields, then the end of the connection.
    if status < 200 or status == 204:
        response.body = 0
    elif method == b"HEAD" or status == 304:
        response.body = 0
        if length is not None:
            kept.append(length_line)
    elif codings:
        response.body = CHUNKED
    elif length is not None:
        response.body = length
        kept.append(length_line)
    else:
        response.body = UNTIL_CLOSE
    response.close = b"close" in options or (first.minor == 0 and b"keep-alive" not in options)
    if options and options != _KEEP_ALIVE:
        kept = _unnamed(kept, options)
    response.lines = kept
    return response
