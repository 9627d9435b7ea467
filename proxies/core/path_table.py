"""What stands under path patterns, found by looking a path up instead of trying one pattern after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from proxies.core.rules import read_path, segments_of

T = TypeVar("T")


class _Node(Generic[T]):
    """A segment of templates: what may come next (None: any segment), and what stands where one ends here."""

    __slots__ = ("here", "next")

    def __init__(self) -> None:
        self.next: dict[bytes | None, _Node[T]] = {}
        self.here: list[T] = []


class PathTable(Generic[T]):
    """Values by the patterns of ``proxies.wire.policies``. What an empty table costs a search is a few comparisons."""

    def __init__(self) -> None:
        self._exact: dict[bytes, list[T]] = {}
        self._prefixes: dict[bytes, list[T]] = {}
        self._suffixes: dict[bytes, list[T]] = {}
        self._templates: _Node[T] | None = None
        self._prefix_lengths: Sequence[int] = ()
        self._suffix_lengths: Sequence[int] = ()

    def add(self, pattern: str, value: T) -> None:
        """Raises BadMessage for a pattern that is none."""
        kind, text = read_path(pattern)
        if kind == "template":
            self._add_template(text, value)
            return
        {"exact": self._exact, "prefix": self._prefixes, "suffix": self._suffixes}[kind].setdefault(text, []).append(
            value
        )
        self._prefix_lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._suffix_lengths = sorted({len(suffix) for suffix in self._suffixes})

    def find(self, path: bytes) -> list[list[T]]:
        """The values whose pattern the path matches, those of one pattern together."""
        groups = [self._exact[path]] if path in self._exact else []
        if self._prefix_lengths:
            groups += [self._prefixes[start] for n in self._prefix_lengths if (start := path[:n]) in self._prefixes]
        if self._suffix_lengths:
            groups += [self._suffixes[end] for n in self._suffix_lengths if (end := path[-n:]) in self._suffixes]
        if self._templates is not None:
            _walk(self._templates, path.split(b"/"), 0, groups)
        return groups

    def _add_template(self, text: bytes, value: T) -> None:
        if self._templates is None:
            self._templates = _Node()
        node = self._templates
        for segment in segments_of(text):
            node = node.next.setdefault(segment, _Node())
        node.here.append(value)


def _walk(node: _Node[T], segments: Sequence[bytes], depth: int, groups: list[list[T]]) -> None:
    if depth == len(segments):
        if node.here:
            groups.append(node.here)
        return
    segment = segments[depth]
    if (after := node.next.get(segment)) is not None:
        _walk(after, segments, depth + 1, groups)
    if segment and (after := node.next.get(None)) is not None:
        _walk(after, segments, depth + 1, groups)
