"""Heads: that what is forwarded reads the same again, and the rules that a whole proxy can hardly show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.errors import BadMessage
from proxies.core.fields import TCHAR
from proxies.core.head import CHUNKED, UNTIL_CLOSE, read_request, read_response

TOKENS = st.text(TCHAR.decode(), min_size=1, max_size=12).map(str.encode)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30).map(str.encode)
FIELDS = st.lists(st.tuples(TOKENS, VALUES).map(lambda field: field[0] + b": " + field[1]), max_size=8)


def request(*lines: bytes, first: bytes = b"GET / HTTP/1.1", host: bytes = b"host: a") -> bytes:
    return b"\r\n".join((first, host, *lines))


@given(FIELDS)
def test_what_is_forwarded_reads_the_same_again(lines: list[bytes]) -> None:
    try:
        head = read_request(request(*lines))
    except BadMessage:
        return
    again = read_request(b"\r\n".join(head.lines))
    assert (again.method, again.path, again.host, again.body) == (head.method, head.path, head.host, head.body)
    assert again.lines == head.lines or head.upgrade or head.body == CHUNKED


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for head in (data, b"GET / HTTP/1.1\r\n" + data, request() + b"\r\n" + data):
        try:
            found = read_request(head)
        except BadMessage as error:
            assert 400 <= error.status < 600
            continue
        assert all(b"\r" not in line and b"\n" not in line and b"\0" not in line for line in found.lines)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_responses(data: bytes) -> None:
    for head in (data, b"HTTP/1.1 200 OK\r\n" + data):
        try:
            found = read_response(head, method=b"GET")
        except BadMessage:
            continue
        assert all(b"\r" not in line and b"\n" not in line and b"\0" not in line for line in found.lines)


@pytest.mark.parametrize(
    ("method", "status", "fields", "body"),
    [
        (b"GET", 200, (b"content-length: 5",), 5),
        (b"GET", 200, (b"Transfer-Encoding: CHUNKED",), CHUNKED),
        (b"GET", 200, (), UNTIL_CLOSE),
        (b"HEAD", 200, (b"content-length: 5",), 0),
        (b"HEAD", 200, (), 0),
        (b"GET", 204, (b"content-length: 5",), 0),
        (b"GET", 304, (b"content-length: 5",), 0),
        (b"GET", 103, (b"link: <a>",), 0),
    ],
)
def test_where_a_response_ends(method: bytes, status: int, fields: tuple[bytes, ...], body: int) -> None:
    head = b"\r\n".join((b"HTTP/1.1 %d x" % status, *fields))
    assert read_response(head, method=method).body == body


@pytest.mark.parametrize(
    ("version", "fields", "close"),
    [
        (b"1.1", (), False),
        (b"1.1", (b"connection: close",), True),
        (b"1.1", (b"connection: keep-alive, Close",), True),
        (b"1.0", (), True),
        (b"1.0", (b"connection: keep-alive",), False),
    ],
)
def test_who_ends_the_connection(version: bytes, fields: tuple[bytes, ...], close: bool) -> None:
    assert read_request(request(*fields, first=b"GET / HTTP/" + version)).close is close
    assert read_response(b"\r\n".join((b"HTTP/" + version + b" 200 OK", *fields)), method=b"GET").close is close


def test_an_upgrade_is_asked_for_only_where_it_can_be_told_apart() -> None:
    wish = (b"connection: Upgrade", b"upgrade: WebSocket")
    assert read_request(request(*wish)).upgrade == b"websocket"
    assert read_request(request(*wish, first=b"GET / HTTP/1.0")).upgrade == b""
    assert read_request(request(*wish, b"content-length: 1")).upgrade == b""
    assert read_request(request(wish[1])).upgrade == b""
    assert read_request(request(wish[0], b"upgrade: h2c")).upgrade == b""
    assert read_request(request(wish[0], b"upgrade: websocket, h2c")).upgrade == b""


def test_a_101_must_be_the_one_that_was_asked_for() -> None:
    head = b"HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: websocket"
    assert read_response(head, method=b"GET", upgrade=b"websocket").upgrade == b"websocket"
    for asked in (b"", b"other"):
        with pytest.raises(BadMessage):
            read_response(head, method=b"GET", upgrade=asked)


def test_lines_go_on_as_they_came() -> None:
    lines = [b"X-Odd:  two  spaces ", b"ACCEPT: */*", b"cookie: a=b"]
    assert read_request(request(*lines)).lines == [b"GET / HTTP/1.1", b"host: a", *lines]
