"""What may be written down of a request: no secrets, and nothing that breaks a line or deceives who reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.redact import headers, target, text
from proxies.wire.taps import MAX_HEADER_VALUE, MAX_HEADERS, MAX_TARGET, REDACTED


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"plain", "plain"),
        ("café".encode(), "café"),
        (b"caf\xe9", "caf\\xe9"),
        (b"a\nb\rc", "a\\nb\\rc"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        ("\u2028\u0085".encode(), "\\u2028\\x85"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        (b"\x00", "\\x00"),
        (b'"}{', '"}{'),
    ],
)
def test_a_text_is_printable_whatever_it_was(data: bytes, told: str) -> None:
    assert text(data, 100) == told


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=200))
def test_a_text_is_short_and_on_one_line(data: bytes, most: int) -> None:
    told = text(data, most)
    assert len(told) <= most
    assert told.isprintable()
    told.encode()


SECRET = [
    b"Authorization: Bearer abc",
    b"authorization: abc",
    b"Proxy-Authorization: abc",
    b"Cookie: session=abc",
    b"Set-Cookie: session=abc; HttpOnly",
    b"X-Api-Key: abc",
    b"x-auth-token: abc",
    b"X-Amz-Security-Token: abc",
    b"x-forwarded-client-cert: abc",
    b"X-Shop-JWT: abc",
    b"x-session-id: abc",
    b"X-CSRFToken: abc",
    b"X-Ours: abc",
]


@pytest.mark.parametrize("line", SECRET)
def test_secret_headers_are_named_and_not_told(line: bytes) -> None:
    ((name, value),), cut = headers([line], ["x-ours"])
    assert (name, value, cut) == (line.partition(b":")[0].decode().lower(), REDACTED, False)


def test_other_headers_are_told() -> None:
    lines = [b"Accept: */*", b"x-keyboard: fr", b"traceparent: 00-a-b-01", b"", b"this: is the body"]
    assert headers(lines) == ([("accept", "*/*"), ("x-keyboard", "fr"), ("traceparent", "00-a-b-01")], False)


@pytest.mark.parametrize("name", [b"referer", b"Location"])
def test_secrets_in_addresses_are_not_told(name: bytes) -> None:
    ((_, value),), _ = headers([name + b": https://a/b?code=abc&page=2#access_token=def"])
    assert value == f"https://a/b?code={REDACTED}&page=2#access_token={REDACTED}"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"/a", "/a"),
        (b"/a?", "/a?"),
        (b"/a?page=2&q=x%20y", "/a?page=2&q=x%20y"),
        (b"/a?token=abc", f"/a?token={REDACTED}"),
        (b"/a?page=1&Access_Token=abc&q=z", f"/a?page=1&Access_Token={REDACTED}&q=z"),
        (b"/a?apiKey=abc", f"/a?apiKey={REDACTED}"),
        (b"/a?%74oken=abc", f"/a?%74oken={REDACTED}"),
        (b"/a?code=a=b", f"/a?code={REDACTED}"),
        (b"/a?code=a?b", f"/a?code={REDACTED}"),
        (b"/a?x=1;password=abc", f"/a?x=1;password={REDACTED}"),
        (b"/a;jsessionid=abc", f"/a;jsessionid={REDACTED}"),
        (b"/a?sig=abc&design=1", f"/a?sig={REDACTED}&design=1"),
        (b"/a?client_secret=abc", f"/a?client_secret={REDACTED}"),
        (b"/a?token", "/a?token"),
        (b"/a?token=", f"/a?token={REDACTED}"),
        (b"/a?ours=abc", f"/a?ours={REDACTED}"),
    ],
)
def test_names_of_parameters_are_told_and_secret_values_not(sent: bytes, told: str) -> None:
    assert target(b"GET %b HTTP/1.1" % sent, ["ours"]) == (told, False)


def test_what_is_long_is_cut_and_said_to_be() -> None:
    assert target(b"GET /%b HTTP/1.1" % (b"a" * 2000)) == ("/" + "a" * (MAX_TARGET - 1), True)
    ((_, value),), cut = headers([b"accept: " + b"a" * 2000])
    assert (value, cut) == ("a" * MAX_HEADER_VALUE, True)
    many, cut = headers([b"a: b"] * 100)
    assert (len(many), cut) == (MAX_HEADERS, True)
