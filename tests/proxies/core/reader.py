"""``python -m tests.proxies.core.reader``: what the readers of this process make of messages, one answer a line.

A line of input is a kind (``request``, ``response``, ``chunks``) and the message in hexadecimal digits.
"""

from __future__ import annotations

import sys

from proxies.core.errors import BadMessage
from proxies.core.framing import ChunkedReader
from proxies.core.head import read_request, read_response


def read(kind: str, message: bytes) -> str:
    """Everything that a reader says of a message."""
    try:
        if kind == "request":
            head = read_request(message, edge=len(message) % 2 == 1, loop_mark=b"meshui-x")
            names = ("method", "path", "host", "port", "minor", "lines", "body", "close", "expect", "upgrade")
            return repr([getattr(head, name) for name in (*names, "traced", "identified", "idempotent")])
        if kind == "response":
            answer = read_response(message, method=b"GET", upgrade=b"websocket")
            return repr([getattr(answer, name) for name in ("status", "lines", "body", "close", "upgrade")])
        reader = ChunkedReader()
        half = len(message) // 2
        found = [reader.feed(message[:half])]
        if not reader.done:
            found.append(reader.feed(message[half:]))
        return repr([found, reader.done, reader.trailers])
    except BadMessage as error:
        return repr((error.status, error.reason))


if __name__ == "__main__":
    for line in sys.stdin:
        kind, digits = line.split(" ")
        print(read(kind, bytes.fromhex(digits)), flush=True)
