"""Where a body ends, and what of it is payload (RFC 9112 sections 6 and 7), as bytes arrive.

A reader takes what came and gives ``(payload, left)``: the payload found, and the bytes after the body's end once
``done``. Chunks are decoded, and encoded anew by ``chunk``, so that no chunk extension and no odd size line reaches
the next reader.
"""

from __future__ import annotations

import re
from typing import Final

from proxies.core import fields as f
from proxies.core.errors import BadMessage
from proxies.core.head import CHUNKED, UNTIL_CLOSE

MAX_TRAILERS = 16 * 1024
_MAX_SIZE_LINE = 1024
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?").fullmatch
_END_OF_HEAD = b"\r\n\r\n"

# What a chunked body's next bytes are.
_SIZE: Final = 0
_DATA: Final = 1
_DATA_END: Final = 2
_TRAILERS: Final = 3


class LengthReader:
    """A body of known length."""

    __slots__ = ("done", "remaining")

    trailers: tuple[bytes, ...] = ()

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        size = len(data)
        if size < self.remaining:
            self.remaining -= size
            return data, b""
        end = self.remaining
        self.remaining = 0
        self.done = True
        return (data, b"") if end == size else (data[:end], data[end:])


class CloseReader:
    """A body that ends with its connection: it is never ``done`` by itself."""

    __slots__ = ()

    done = False
    trailers: tuple[bytes, ...] = ()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        return data, b""


class ChunkedReader:
    """A chunked body. ``trailers`` are the field lines after its last chunk, without those that frame messages."""

    __slots__ = ("_buffer", "_left", "_state", "done", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.trailers: tuple[bytes, ...] = ()
        self._buffer = b""
        self._left = 0
        self._state = _SIZE

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Raises BadMessage for anything but well-formed chunks; the payload before it is lost with the message."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        payload: list[bytes] = []
        position = 0
        while True:
            if self._state == _DATA:
                piece = data[position : position + self._left]
                payload.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._state = _DATA_END
            elif self._state == _DATA_END:
                if len(data) - position < 2:
                    if not b"\r\n".startswith(data[position:]):
                        raise BadMessage("chunk is longer than its size")
                    break
                if data[position : position + 2] != b"\r\n":
                    raise BadMessage("chunk is longer than its size")
                position += 2
                self._state = _SIZE
            elif self._state == _SIZE:
                end = self._line_end(data, position)
                if end < 0:
                    break
                self._size(data[position:end])
                position = end + (2 if self._left else 0)
            else:
                position = self._read_trailers(data, position)
                break
        rest = data[position:]
        if self.done:
            return b"".join(payload), rest
        self._buffer = rest
        return b"".join(payload), b""

    def _line_end(self, data: bytes, position: int) -> int:
        end = data.find(b"\r\n", position, position + _MAX_SIZE_LINE)
        if end < 0 and len(data) - position >= _MAX_SIZE_LINE:
            raise BadMessage("chunk size line is too long")
        if data.find(b"\n", position, end if end >= 0 else len(data)) >= 0:
            raise BadMessage("bare line break in a chunk size line")
        return end

    def _size(self, line: bytes) -> None:
        match = _SIZE_LINE(line)
        if match is None:
            raise BadMessage("malformed chunk size")
        self._left = int(match[1], 16)
        # The last chunk's line break stays: trailers end at the first empty line, which may be the next bytes.
        self._state = _DATA if self._left else _TRAILERS

    def _read_trailers(self, data: bytes, position: int) -> int:
        end = data.find(_END_OF_HEAD, position)
        if end < 0:
            if len(data) - position > MAX_TRAILERS:
                raise BadMessage("trailers are too long", 431)
            return position
        if end > position:
            lines = data[position + 2 : end].split(b"\r\n")
            if len(lines) > f.MAX_FIELDS:
                raise BadMessage("too many trailers", 431)
            self.trailers = tuple([line for line in lines if f.read(line).meaning == f.ORDINARY])
        self.done = True
        return end + 4


BodyReader = LengthReader | CloseReader | ChunkedReader


def body_reader(body: int) -> BodyReader:
    """The reader of a body as a head tells of it."""
    if body == CHUNKED:
        return ChunkedReader()
    return CloseReader() if body == UNTIL_CLOSE else LengthReader(body)


def chunk(payload: bytes) -> bytes:
    """One chunk; empty for no payload, which would be the last chunk."""
    return b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""


def last_chunk(trailers: tuple[bytes, ...]) -> bytes:
    if not trailers:
        return b"0\r\n\r\n"
    return b"0\r\n%b\r\n\r\n" % b"\r\n".join(trailers)
