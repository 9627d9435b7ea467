"""What a proxy answers itself: short plain text that tells a client what to do and nothing about the mesh."""

from __future__ import annotations

from http import HTTPStatus

from proxies.core.actions import Answer
from proxies.net.metrics import Row

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_TEXTS = {
    404: "no route matches this request",
    429: "there were too many requests",
    502: "the upstream could not be used",
    503: "the service is not available now",
    504: "the upstream did not answer in time",
    508: "the request passed here before",
}


class Refused(Exception):
    """A decision not to forward: ``status`` for the client, ``flags`` and the row for the counters. With an
    ``answer`` it is what a route says; else the proxy has its own words for the status."""

    def __init__(self, status: int, flags: str, row: Row, answer: Answer | None = None) -> None:
        super().__init__(status, flags)
        self.status = status
        self.flags = flags
        self.row = row
        self.answer = answer


def reply(status: int, *, close: bool, head_only: bool = False, answer: Answer | None = None) -> bytes:
    """A whole response. ``head_only`` leaves the body out and keeps its length, as an answer to HEAD."""
    phrase = _PHRASES.get(status, "Error")
    lines = [f"HTTP/1.1 {status} {phrase}".encode(), b"server: meshui"]
    if answer is not None:
        lines += answer.lines
    if answer is None or answer.body is None:
        body = f"{status} {phrase}: {_TEXTS[status]}\n" if status in _TEXTS else f"{status} {phrase}\n"
        payload = body.encode()
        lines.append(b"content-type: text/plain; charset=utf-8")
    else:
        payload = answer.body
    if status not in (204, 304):
        lines.append(b"content-length: %d" % len(payload))
    if close:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if head_only or status in (204, 304) else payload)
