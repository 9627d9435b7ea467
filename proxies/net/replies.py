"""What a proxy answers itself: short plain text that tells a client what to do and nothing about the mesh."""

from __future__ import annotations

from http import HTTPStatus

from proxies.net.metrics import Row

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_TEXTS = {
    404: "no route matches this request",
    502: "the upstream could not be used",
    503: "the service is not available now",
    504: "the upstream did not answer in time",
    508: "the request passed here before",
}


class Refused(Exception):
    """A decision not to forward: ``status`` for the client, ``flags`` and the row for the counters."""

    def __init__(self, status: int, flags: str, row: Row) -> None:
        super().__init__(status, flags)
        self.status = status
        self.flags = flags
        self.row = row


def reply(status: int, *, close: bool, head_only: bool = False) -> bytes:
    """A whole response. ``head_only`` leaves the body out and keeps its length, as an answer to HEAD."""
    phrase = _PHRASES.get(status, "Error")
    body = f"{status} {phrase}: {_TEXTS[status]}\n" if status in _TEXTS else f"{status} {phrase}\n"
    head = (
        f"HTTP/1.1 {status} {phrase}\r\n"
        f"server: meshui\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
    )
    if close:
        head += "connection: close\r\n"
    return f"{head}\r\n{'' if head_only else body}".encode()
