"""JSON bodies and query strings become frozen structs, or an InvalidInput that names the field; answers go out so too.

Types and ranges live in the struct alone: the schema that clients see is made from it (``operations.py``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from django.conf import settings
from msgspec import Meta, Struct
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from meshui.core.errors import FieldError, InvalidInput, TooLarge

PRINTABLE = r"^[^\u0000-\u001f\u007f]*$"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LINES = str.maketrans("", "", "\t\n\r")

Reason = Annotated[str, Meta(max_length=500, pattern=PRINTABLE, description="Why; kept in the change log.")]
Description = Annotated[str, Meta(max_length=500, pattern=PRINTABLE)]
DryRun = Annotated[bool, Meta(description="Validate and answer what would be; change nothing.")]
T = TypeVar("T")


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a request's body, and of its query string. An unknown field is an error."""


class View(Struct, frozen=True, kw_only=True):
    """Base of an answer. Give no field a default: then clients know that it is always there."""


class WriteQuery(Body, frozen=True, kw_only=True):
    """``?dry_run=1`` of a write whose reason is in its body."""

    dry_run: DryRun = False


class DeleteQuery(Body, frozen=True, kw_only=True):
    """A DELETE has no body, so its reason comes in the query."""

    dry_run: DryRun = False
    reason: Reason = ""


def body(request: Request, kind: type[T], *, documents: Collection[str] = ()) -> T:
    """The request's JSON body as ``kind``; the fields in ``documents`` hold text of several lines. Raises InvalidInput
    with field paths; ParseError where it is no JSON."""
    return _convert(request.data, kind, strict=True, documents=documents)


def query(request: Request, kind: type[T]) -> T:
    """The query string as ``kind``, numbers and booleans read from text. Raises InvalidInput."""
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput.field(repeated[0], "repeated", "the parameter is given more than once")
    return _convert(request.query_params.dict(), kind, strict=False)


def _convert(data: Any, kind: type[T], *, strict: bool, documents: Collection[str] = ()) -> T:
    for path, text in _texts(data):
        if CONTROL.search(text.translate(LINES) if path in documents else text):
            raise InvalidInput.field(path, "control_character", "control characters are not allowed")
    try:
        return msgspec.convert(data, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise invalid(error) from None


def _texts(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield path, key
            yield from _texts(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, f"{path}.{index}" if path else str(index))


_AT = re.compile(r"(?s)^(.*?)(?: - at (?:`key` in )?`\$(.*?)`)?$")
_NAMED = re.compile(r"Object (contains unknown|missing required) field `(.*?)`", re.DOTALL)


def invalid(error: msgspec.ValidationError) -> InvalidInput:
    """The codec's error with its path dotted: ``$.routes[0].match`` becomes ``routes.0.match``."""
    matched = _AT.match(str(error))
    detail, place = (matched[1], matched[2] or "") if matched else (str(error), "")
    path = re.sub(r"\[(\d+|\.\.\.)\]", lambda m: "" if m[1] == "..." else f".{m[1]}", place).strip(".")
    code = "invalid"
    if named := _NAMED.match(detail):
        code = "unknown_field" if named[1] == "contains unknown" else "required"
        path = f"{path}.{named[2]}" if path else named[2]
    return InvalidInput(f"{path}: {detail}" if path else detail, errors=[FieldError(path, code, detail)])


class JSONParser(BaseParser):
    """Strict JSON: no NaN, no lone surrogates, no nesting that would exhaust the stack."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        # Django's own guard stands in HttpRequest.body, which a parser does not go through.
        raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            return msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(str(error)) from None


class JSONRenderer(BaseRenderer):
    """Structs, datetimes and plain values as JSON."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


def extended(kind: type[T], shown: Struct, **more: Any) -> T:
    """``shown`` as ``kind``, which has its fields and those in ``more``; these come first."""
    return kind(**{name: getattr(shown, name) for name in shown.__struct_fields__} | more)
