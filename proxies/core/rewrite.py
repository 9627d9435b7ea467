"""Another path or host: what an endpoint is asked instead (rewrite), or where a client is sent (redirect)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from proxies.core import fields
from proxies.core.errors import BadMessage, Flaw
from proxies.core.head import RequestHead
from proxies.core.paths import normalise, split_authority
from proxies.core.regex import Pattern
from proxies.wire.routing import Redirect, Rewrite, RouteMatch

NewPath = Callable[[bytes], bytes]

_SUBSTITUTION = re.compile(r"(?:[!-\"$-.0->@-\[\]-~/]|\\[0-9])*").fullmatch
_GROUP = re.compile(rb"\\([0-9])")
_DEFAULT_PORTS = {b"http": 80, b"https": 443}


def compile_rewrite(rewrite: Rewrite, match: RouteMatch) -> Callable[[RequestHead], None]:
    """Puts the new path and host into a head's lines; what the head says it was asked stays."""
    new_path = _new_path(rewrite.path, rewrite.prefix, match)
    if rewrite.regex:
        replace, substitution = Pattern(rewrite.regex).replace, rewrite.substitution.encode()
        # The result is brought to the form of all paths: a substitution must not smuggle in dot segments.
        new_path = lambda path: normalise(_rooted(replace(substitution, path)))  # noqa: E731
    host_line = b"host: " + rewrite.host.encode() if rewrite.host else b""

    def apply(head: RequestHead) -> None:
        if new_path is not None and head.path != b"*":
            head.lines[0] = b"%b %b%b HTTP/1.1" % (head.method, new_path(head.path), _query(head))
        if host_line:
            head.lines[1:] = [host_line, *fields.without(head.lines[1:], {b"host"})]

    return apply


def compile_redirect(redirect: Redirect, match: RouteMatch) -> Callable[[RequestHead, bool], bytes]:
    """The Location for a request; its second argument says whether it came over TLS."""
    new_path = _new_path(redirect.path, redirect.prefix, match)
    host = redirect.host.encode()

    def location(head: RequestHead, secured: bool) -> bytes:
        came_by = b"https" if secured else b"http"
        scheme = redirect.scheme.encode() or came_by
        port = redirect.port or (head.port if scheme == came_by and not host else None)
        place = host or head.host
        if port and port != _DEFAULT_PORTS[scheme]:
            place += b":%d" % port
        path = b"/" if head.path == b"*" else head.path if new_path is None else new_path(head.path)
        return b"%b://%b%b%b" % (scheme, place, path, b"" if redirect.strip_query else _query(head))

    return location


def rewrite_flaws(rewrite: Rewrite, match: RouteMatch) -> Iterator[Flaw]:
    """What is wrong with a rewrite beside a match."""
    ways = [name for name in ("path", "prefix", "regex") if getattr(rewrite, name)]
    if not ways and not rewrite.host:
        yield Flaw("path", "required", "a rewrite changes the path or the host")
    for name in ways[1:]:
        yield Flaw(name, "conflict", f"{ways[0]} is already the new path")
    yield from _place_flaws(rewrite.path, rewrite.prefix, rewrite.host, match)
    if rewrite.regex:
        yield from _substitution_flaws(rewrite)
    elif rewrite.substitution:
        yield Flaw("substitution", "unused", "a substitution needs a regex")


def redirect_flaws(redirect: Redirect, match: RouteMatch) -> Iterator[Flaw]:
    """What is wrong with a redirect beside a match."""
    if not (redirect.scheme or redirect.host or redirect.port or redirect.path or redirect.prefix):
        yield Flaw("path", "required", "a redirect to the same place never ends")
    if redirect.path and redirect.prefix:
        yield Flaw("prefix", "conflict", "path is already the new path")
    yield from _place_flaws(redirect.path, redirect.prefix, redirect.host, match)


def _new_path(path: str, prefix: str, match: RouteMatch) -> NewPath | None:
    if path:
        whole = normalise(path.encode())
        return lambda _: whole
    if not prefix:
        return None
    assert match.path is not None
    matched = len(normalise(match.path.value.encode()).rstrip(b"/"))
    new = normalise(prefix.encode())
    stem = new.rstrip(b"/")
    return lambda path: (stem + path[matched:] if len(path) > matched else new) or b"/"


def _place_flaws(path: str, prefix: str, host: str, match: RouteMatch) -> Iterator[Flaw]:
    for name, value in (("path", path), ("prefix", prefix)):
        try:
            if value:
                normalise(value.encode())
        except BadMessage as error:
            yield Flaw(name, "invalid", error.reason)
    if prefix and (match.path is None or match.path.kind != "prefix"):
        yield Flaw("prefix", "conflict", "there is no prefix match whose prefix could be replaced")
    try:
        if host:
            split_authority(host.encode())
    except BadMessage as error:
        yield Flaw("host", "invalid", error.reason)


def _substitution_flaws(rewrite: Rewrite) -> Iterator[Flaw]:
    try:
        pattern = Pattern(rewrite.regex)
    except BadMessage as error:
        yield Flaw("regex", "invalid", error.reason)
        return
    if _SUBSTITUTION(rewrite.substitution) is None:
        yield Flaw("substitution", "invalid", "holds what is no part of a path, or an unknown escape")
        return
    try:
        normalise(_rooted(_GROUP.sub(b"x", rewrite.substitution.encode())))
    except BadMessage as error:
        yield Flaw("substitution", "invalid", error.reason)
    if any(int(group) > pattern.groups for group in _GROUP.findall(rewrite.substitution.encode())):
        yield Flaw("substitution", "invalid", f"the regex has {pattern.groups} groups")


def _rooted(path: bytes) -> bytes:
    return path if path.startswith(b"/") else b"/" + path


def _query(head: RequestHead) -> bytes:
    mark = head.lines[0].find(b"?")
    return b"" if mark < 0 else head.lines[0][mark : head.lines[0].rindex(b" ")]
