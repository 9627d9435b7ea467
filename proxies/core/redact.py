"""What of a request may be written down: texts that cannot break a line or deceive who reads it, and no secrets.

Names of fields and parameters are told, since they say what a request is about; of values those are kept back that
let whoever reads them act as the caller.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from proxies.core import fields
from proxies.wire.taps import MAX_HEADER_VALUE, MAX_HEADERS, MAX_TARGET, REDACTED

SECRET_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie", "x-forwarded-client-cert"))
SECRET_IN_HEADERS = ("token", "secret", "passw", "api-key", "apikey", "jwt", "credential", "session", "csrf", "xsrf")
"""A header whose name has one of them has a secret value too."""
SECRET_WORDS = ("token", "key", "secret", "passw", "pwd", "code", "auth", "signature", "session", "credential", "jwt")
"""A query parameter whose name has one of them, however it is written, has a secret value."""
SECRET_PARAMETERS = frozenset(("sig", "sid", "pin", "otp"))
"""Too short to be looked for within other names."""
_ADDRESSES = frozenset(("referer", "location", "content-location"))
"""Fields whose values have queries."""
_PARAMETER: Final = re.compile(rb"([?&;#])([^=?&;#]*)=[^&;#]*")


def text(data: bytes, most: int) -> str:
    """Bytes from anybody as at most so many characters, all of them printable: what is no UTF-8, controls, line
    separators and marks that turn the direction of writing are written as escapes."""
    found = data[:most].decode("utf-8", "backslashreplace")
    if not found.isprintable():
        found = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in found)
    return found[:most]


def header_text(lines: list[bytes], name: bytes, most: int) -> str:
    """The first value of a field (its name in lower case) as text; empty where there is none."""
    found = fields.values(lines[1:], name)
    return text(found[0], most) if found else ""


def headers(lines: Iterable[bytes], extra: Collection[str] = ()) -> tuple[list[tuple[str, str]], bool]:
    """The field lines of a head as (name in lower case, value), without secrets and those of ``extra``; and whether any
    was cut."""
    told: list[tuple[str, str]] = []
    cut = False
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:  # the end of the head: what follows may be the body
            break
        if len(told) == MAX_HEADERS:
            return told, True
        key = text(name.lower(), MAX_HEADER_VALUE)
        value = _shown(key, value.strip(b" \t"), extra)
        told.append((key, text(value, MAX_HEADER_VALUE)))
        cut = cut or len(value) > MAX_HEADER_VALUE
    return told, cut


def target(line: bytes, extra: Collection[str] = ()) -> tuple[str, bool]:
    """The target in a request line, without secrets in its query; and whether it was cut."""
    whole = _without_secrets(line.split(b" ", 2)[1], extra)
    return text(whole, MAX_TARGET), len(whole) > MAX_TARGET


def _shown(key: str, value: bytes, extra: Collection[str]) -> bytes:
    if key in SECRET_HEADERS or key in extra or any(word in key for word in SECRET_IN_HEADERS):
        return REDACTED.encode()
    return _without_secrets(value, extra) if key in _ADDRESSES else value


def _without_secrets(address: bytes, extra: Collection[str]) -> bytes:
    """A path with its parameters, or a whole URL, whose fragment may have parameters too."""

    def parameter(found: re.Match[bytes]) -> bytes:
        before, name = found.groups()
        return b"%b%b=%b" % (before, name, REDACTED.encode()) if _is_secret(name, extra) else found[0]

    return _PARAMETER.sub(parameter, address)


def _is_secret(name: bytes, extra: Collection[str]) -> bool:
    plain = unquote_to_bytes(name.replace(b"+", b" ")).decode("utf-8", "replace").lower()
    return plain in SECRET_PARAMETERS or plain in extra or any(word in plain for word in SECRET_WORDS)
