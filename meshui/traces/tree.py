"""The order of a trace's spans: parents before children, whatever arrived of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """``parent_id`` is the nearest ancestor that is shown, None of a root; ``orphan`` says that a parent is named which
    was not received."""

    span_id: str
    parent_id: str | None
    depth: int
    orphan: bool


def order(parents: Mapping[str, str], shown: Collection[str]) -> list[Place]:
    """The places of the shown spans, parents before children, siblings in the order of ``parents``: it maps every span
    that was received, shown or not, to its parent's id (empty: there is none). Spans in a circle hang below the first
    of them."""
    children: dict[str | None, list[str]] = {}
    for span_id in parents:
        if span_id in shown:
            children.setdefault(_ancestor(parents, span_id, shown), []).append(span_id)
    places: dict[str, Place] = {}
    for root in (*children.get(None, ()), *(span_id for span_id in parents if span_id in shown)):
        if root not in places:
            orphan = bool(parents[root]) and parents[root] not in parents
            places |= {place.span_id: place for place in _below(Place(root, None, 0, orphan), children, places)}
    return list(places.values())


def _ancestor(parents: Mapping[str, str], span_id: str, shown: Collection[str]) -> str | None:
    seen = {span_id}
    parent = parents[span_id]
    while parent in parents and parent not in seen:
        if parent in shown:
            return parent
        seen.add(parent)
        parent = parents[parent]
    return None


def _below(root: Place, children: Mapping[str | None, list[str]], placed: Collection[str]) -> Iterator[Place]:
    waiting, seen = [root], set(placed)
    while waiting:
        place = waiting.pop()
        if place.span_id not in seen:
            seen.add(place.span_id)
            yield place
            below = reversed(children.get(place.span_id, []))
            waiting += [Place(child, place.span_id, place.depth + 1, False) for child in below]
