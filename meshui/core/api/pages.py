"""Lists: cursor pagination by keyset, so that a page costs the same wherever it is and rows may come and go."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter, or_
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from msgspec import Meta, Struct
from rest_framework.request import Request

from meshui.core.api.bodies import Body
from meshui.core.errors import InvalidInput

DEFAULT_SIZE, MAX_SIZE = 50, 500
M = TypeVar("M", bound=Model)
T = TypeVar("T")


PageSize = Annotated[int, Meta(ge=1, le=MAX_SIZE)]
Cursor = Annotated[str, Meta(max_length=1000, description="Opaque; follow `next` and `previous`.")]


class ListQuery(Body, frozen=True, kw_only=True):
    """What every list takes; a list with filters adds them."""

    page_size: PageSize = DEFAULT_SIZE
    cursor: Cursor = ""


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One page; ``next`` and ``previous`` are URLs."""

    next: str | None
    previous: str | None
    results: list[T]


Orderings = Mapping[str, Sequence[str]]
"""What ``?ordering=`` may say, each with the fields it compares, the last one unique. ``-`` in front descends."""


class _Cursor(Struct, frozen=True, array_like=True):
    backwards: bool
    values: list[str | int]


@dataclass(frozen=True)
class _Order:
    fields: Sequence[str]
    descending: bool

    def beyond(self, values: Sequence[object]) -> Q:
        """Rows behind ``values``: (a, b) > (x, y) spelled as a > x or (a = x and b > y)."""
        step = "lt" if self.descending else "gt"
        terms = []
        for index, field in enumerate(self.fields):
            equal = {name: values[i] for i, name in enumerate(self.fields[:index])}
            terms.append(Q(**equal, **{f"{field}__{step}": values[index]}))
        return reduce(or_, terms)

    def terms(self) -> list[str]:
        return [f"-{field}" if self.descending else field for field in self.fields]

    def reversed(self) -> _Order:
        return _Order(self.fields, not self.descending)


def page(
    request: Request,
    rows: QuerySet[M],
    asked: ListQuery,
    show: Callable[[M], T],
    *,
    fields: Sequence[str] = ("pk",),
    descending: bool = False,
) -> Page[T]:
    """One page of ``rows`` ordered by ``fields``, the last of which is unique. Raises InvalidInput for a bad cursor."""
    order = _Order(fields, descending)
    cursor = _decode(asked.cursor, rows, order) if asked.cursor else None
    backwards = cursor is not None and cursor.backwards
    walked = order.reversed() if backwards else order
    if cursor is not None:
        rows = rows.filter(walked.beyond(cursor.values))
    found = list(rows.order_by(*walked.terms())[: asked.page_size + 1])
    more = len(found) > asked.page_size
    found = found[: asked.page_size]
    if backwards:
        found.reverse()
    has_next, has_previous = (True, more) if backwards else (more, cursor is not None)
    return Page(
        next=_link(request, order, found[-1], False) if found and has_next else None,
        previous=_link(request, order, found[0], True) if found and has_previous else None,
        results=[show(row) for row in found],
    )


def ordering(text: str, known: Orderings) -> dict[str, Any]:
    """``fields`` and ``descending`` for ``page``. Raises InvalidInput for an ordering that the list does not know."""
    name = text.removeprefix("-")
    if name not in known:
        raise InvalidInput.field("ordering", "invalid", f"expected one of {', '.join(sorted(known))}")
    return {"fields": known[name], "descending": text.startswith("-")}


def _link(request: Request, order: _Order, row: Model, backwards: bool) -> str:
    values = [_plain(attrgetter(field.replace("__", "."))(row)) for field in order.fields]
    raw = base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(backwards, values))).decode().rstrip("=")
    parameters = request.query_params.copy()
    parameters["cursor"] = raw
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")


def _plain(value: Any) -> str | int:
    if isinstance(value, str | int):
        return value
    return str(value) if isinstance(value, UUID) else value.isoformat()


def _decode(text: str, rows: QuerySet[Any], order: _Order) -> _Cursor:
    bad = InvalidInput.field("cursor", "invalid", "no cursor of this list")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        cursor = msgspec.json.decode(raw, type=_Cursor)
        if len(cursor.values) != len(order.fields):
            raise bad
        for field, value in zip(order.fields, cursor.values, strict=True):
            _check(rows.model, field, value)
    except (binascii.Error, msgspec.DecodeError, ValidationError, ValueError) as error:
        raise bad from error
    return cursor


def _check(model: type[Model], path: str, value: object) -> None:
    """Refuse a value that the database would choke on: its type, its range, a NUL."""
    *parents, last = path.split("__")
    for name in parents:
        related = model._meta.get_field(name).related_model
        assert isinstance(related, type)
        model = related
    field = model._meta.pk if last == "pk" else model._meta.get_field(last)
    field.clean(value, None)  # type: ignore[union-attr]
    if isinstance(value, str) and "\0" in value:
        raise ValueError("NUL")
