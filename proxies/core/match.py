"""The conditions of a route, compiled to closures over request heads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from proxies.core import fields
from proxies.core.errors import BadMessage, Flaw
from proxies.core.head import RequestHead
from proxies.core.paths import normalise
from proxies.core.regex import Pattern
from proxies.wire.routing import FieldMatch, PathMatch, RouteMatch

Matcher = Callable[[RequestHead], bool]
Test = Callable[[bytes | None], bool]
_VARIABLE = re.compile(rb"\{[A-Za-z_][A-Za-z0-9_]*(=\*\*)?\}").fullmatch


def compile_match(match: RouteMatch) -> Matcher | None:
    """A predicate over request heads, or None for a match that puts no condition. ``sources`` are not among them: a
    route that is not for this source is not compiled. Raises BadMessage for a pattern that is none, and for a path
    that no normalised request path could equal."""
    conditions: list[Matcher] = []
    if match.path is not None and (match.path.kind, match.path.value) != ("prefix", "/"):
        conditions.append(_path(match.path))
    if match.methods:
        methods = frozenset(method.encode() for method in match.methods)
        conditions.append(lambda head: head.method in methods)
    conditions += [_header(header) for header in match.headers]
    conditions += [_named(query, query_value) for query in match.query]
    conditions += [_named(cookie, cookie_value) for cookie in match.cookies]
    if not conditions:
        return None
    if len(conditions) == 1:
        return conditions[0]
    return lambda head: all(condition(head) for condition in conditions)


def is_from(match: RouteMatch, source: str) -> bool:
    """Whether a route is for requests that ``source`` (``namespace/name``) routes."""
    return not match.sources or source in match.sources or f"{source.partition('/')[0]}/*" in match.sources


def match_flaws(match: RouteMatch) -> Iterator[Flaw]:
    """What is wrong with a match, paths as ``headers.0.value``."""
    if match.path is not None:
        try:
            _path(match.path)
        except BadMessage as error:
            yield Flaw("path.value", "invalid", error.reason)
    for place, conditions in (("headers", match.headers), ("query", match.query), ("cookies", match.cookies)):
        for index, condition in enumerate(conditions):
            yield from _field_flaws(f"{place}.{index}.value", condition)


def _field_flaws(path: str, match: FieldMatch) -> Iterator[Flaw]:
    if match.kind == "present":
        if match.value:
            yield Flaw(path, "unused", "'present' compares no value")
    elif not match.value:
        yield Flaw(path, "required", f"{match.kind!r} needs a value")
    else:
        try:
            _test(match)
        except BadMessage as error:
            yield Flaw(path, "invalid", error.reason)


def query_value(head: RequestHead, name: bytes) -> bytes | None:
    """The first value of a query parameter, decoded as a form is (``+`` is a space), or None."""
    target = head.lines[0].split(b" ", 2)[1]
    for pair in target.partition(b"?")[2].split(b"&"):
        key, _, value = pair.partition(b"=")
        if unquote_to_bytes(key.replace(b"+", b" ")) == name:
            return unquote_to_bytes(value.replace(b"+", b" "))
    return None


def cookie_value(head: RequestHead, name: bytes) -> bytes | None:
    """The first value of a cookie (RFC 6265 section 4.2), without the quotes around it, or None."""
    for line in fields.values(head.lines[1:], b"cookie"):
        for pair in line.split(b";"):
            key, equals, value = pair.partition(b"=")
            if equals and key.strip(b" \t") == name:
                value = value.strip(b" \t")
                return value[1:-1] if len(value) > 1 and value[:1] == value[-1:] == b'"' else value
    return None


def header_value(head: RequestHead, name: bytes) -> bytes | None:
    """All values of a header (its name in lower case) as one, or None."""
    found = fields.values(head.lines[1:], name)
    return b", ".join(found) if found else None


def _path(match: PathMatch) -> Matcher:
    if match.kind == "regex":
        matches = Pattern(match.value).matches
        return lambda head: matches(head.path) is not None
    if match.kind == "template":
        return _template(match.value)
    value = normalise(match.value.encode())
    if match.kind == "exact":
        return lambda head: head.path == value
    stem = value.rstrip(b"/")
    below = stem + b"/"
    return lambda head: head.path.startswith(below) or head.path == stem


def _template(template: str) -> Matcher:
    segments = normalise(template.encode()).split(b"/")
    variable = _VARIABLE(segments[-1])
    rest = variable is not None and variable[1] is not None
    if rest:
        segments.pop()
    wanted = [_segment(segment) for segment in segments]
    count = len(wanted)

    def matches(head: RequestHead) -> bool:
        found = head.path.split(b"/", count) if rest else head.path.split(b"/")
        if len(found) != count + rest:
            return False
        return all(part if want is None else part == want for want, part in zip(wanted, found, strict=False))

    return matches


def _segment(segment: bytes) -> bytes | None:
    """What the segment must be, or None for any that is not empty."""
    variable = _VARIABLE(segment)
    if variable is not None and variable[1] is None:
        return None
    if b"{" in segment or b"}" in segment:
        raise BadMessage("a template's variable is a whole segment {name}, or {name=**} as the last one")
    return segment


def _header(match: FieldMatch) -> Matcher:
    name, test = match.name.encode(), _test(match)
    return lambda head: test(header_value(head, name))


def _named(match: FieldMatch, value_of: Callable[[RequestHead, bytes], bytes | None]) -> Matcher:
    name, test = match.name.encode(), _test(match)
    return lambda head: test(value_of(head, name))


def _test(match: FieldMatch) -> Test:
    """Of a value, or of None where there is none: that meets no condition, and so each inverted one."""
    value, invert = match.value.encode(), match.invert
    if match.kind == "present":
        return lambda found: (found is not None) is not invert
    if match.kind == "exact":
        return lambda found: (found == value) is not invert
    if match.kind == "prefix":
        return lambda found: (found is not None and found.startswith(value)) is not invert
    matches = Pattern(match.value).matches
    return lambda found: (found is not None and matches(found) is not None) is not invert
