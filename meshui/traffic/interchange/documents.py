"""YAML documents, read so that nothing in them is passed over in silence.

``Fields`` is a mapping that remembers what was asked of it: what nobody asked for ends up in the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from meshui.core.errors import InvalidInput
from meshui.traffic.interchange.values import Note, Severity

MAX_DOCUMENTS = 200
_UNTRANSLATED = "meshui has no equivalent"


class _Loader(yaml.SafeLoader):
    """Plain data alone: aliases could make a few bytes into gigabytes, and a key that stands twice hides one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # type: ignore[no-untyped-call]
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=mark)
        return super().compose_node(parent, index)  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in names:
                    raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands twice", problem_mark=key.start_mark)
                names.add(key.value)
        return super().construct_mapping(node, deep)


def read_documents(text: str) -> list[Any]:
    """The documents of a YAML or JSON text, empty ones left out; a ``List`` is taken apart. Raises InvalidInput with
    the line."""
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InvalidInput.field("text", "malformed", f"{place}{error.problem or error}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput.field("text", "malformed", str(error)) from None
    documents = [item for document in documents for item in _items(document)]
    if not documents:
        raise InvalidInput.field("text", "required", "there is no document in it")
    if len(documents) > MAX_DOCUMENTS:
        raise InvalidInput.field("text", "too_many", f"{len(documents)} documents, at most {MAX_DOCUMENTS}")
    return documents


def _items(document: Any) -> list[Any]:
    if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
        return list(document["items"])
    return [document]


class Fields:
    """A mapping within a document. Each reader marks a field as known; raises InvalidInput where it is of another type.

    ``rest`` afterwards reports, here and below, what was never asked for.
    """

    def __init__(self, data: Mapping[str, Any], notes: list[Note], document: int, path: str = "") -> None:
        self.data = data
        self.document = document
        self.path = path
        self._notes = notes
        self._asked: set[str] = set()
        self._below: list[Fields] = []

    # --- readers

    def text(self, name: str, default: str = "") -> str:
        value = self._read(name, (str, int, float))
        return default if value is None else str(value)

    def number(self, name: str) -> float | None:
        value = self._read(name, (int, float))
        return None if value is None else float(value)

    def integer(self, name: str, default: int = 0) -> int:
        value = self._read(name, (int,))
        return default if value is None else int(value)

    def flag(self, name: str) -> bool:
        return bool(self._read(name, (bool,)))

    def duration_ms(self, name: str) -> int | None:
        """``1m30s``, ``250ms`` as milliseconds."""
        value = self._read(name, (str,))
        if value is None:
            return None
        parsed = duration_ms(value)
        if parsed is None:
            raise self.wrong(name, f"{value!r} is no duration such as 1m30s")
        return parsed

    def mapping(self, name: str) -> Fields | None:
        value = self._read(name, (dict,))
        return None if value is None else self._inside(value, name)

    def mappings(self, name: str) -> list[Fields]:
        items = self._read(name, (list,)) or []
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                raise self.wrong(f"{name}.{index}", "expected a mapping")
        return [self._inside(item, f"{name}.{index}") for index, item in enumerate(items)]

    def texts(self, name: str) -> list[str]:
        items = self._read(name, (list,)) or []
        if not all(isinstance(item, str) for item in items):
            raise self.wrong(name, "expected a list of text")
        return list(items)

    def pairs(self, name: str) -> dict[str, str]:
        """A mapping of text to text."""
        return {str(key): str(value) for key, value in (self._read(name, (dict,)) or {}).items()}

    def members(self, name: str) -> Iterator[tuple[str, Fields]]:
        """A mapping of names to mappings."""
        for key, value in (self._read(name, (dict,)) or {}).items():
            if not isinstance(value, dict):
                raise self.wrong(f"{name}.{key}", "expected a mapping")
            yield str(key), self._inside(value, f"{name}.{key}")

    def has(self, name: str) -> bool:
        return self.data.get(name) is not None

    def passed_over(self, *names: str) -> None:
        """These mean nothing for the mesh; leaving them out loses nothing."""
        self._asked.update(names)

    # --- the report

    def note(self, severity: Severity, name: str, detail: str) -> None:
        path = f"{self.path}.{name}".strip(".")
        self._asked.add(name.partition(".")[0])
        self._notes.append(Note(severity=severity, document=self.document, path=path, detail=detail))

    def lost(self, name: str, detail: str = _UNTRANSLATED) -> None:
        if self.has(name.partition(".")[0]):
            self.note("lost", name, detail)

    def rest(self) -> None:
        for name in self.data:
            if name not in self._asked:
                self.note("lost", str(name), _UNTRANSLATED)
        for fields in self._below:
            fields.rest()

    def wrong(self, name: str, detail: str) -> InvalidInput:
        """The error of a field that is not as its format has it."""
        place = f"{self.path}.{name}".strip(".")
        return InvalidInput.field("text", "invalid", f"document {self.document}: {place}: {detail}")

    # --- inside

    def _read(self, name: str, kinds: tuple[type, ...]) -> Any:
        self._asked.add(name)
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise self.wrong(name, f"expected {' or '.join(kind.__name__ for kind in kinds)}")
        return value

    def _inside(self, value: Mapping[str, Any], name: str) -> Fields:
        fields = Fields(value, self._notes, self.document, f"{self.path}.{name}".strip("."))
        self._below.append(fields)
        return fields


_UNITS_MS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 0.000_001}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|us|ns|m|s)")


def duration_ms(text: str) -> int | None:
    """Go's durations, as Kubernetes writes them: ``1h30m``, ``1.5s``, ``250ms``; None for anything else."""
    if not re.fullmatch(rf"(?:{_PART.pattern})+|0", text):
        return None
    return round(sum(float(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text)))


def duration_text(milliseconds: int) -> str:
    """The shortest of those forms that is exact."""
    for unit in ("h", "m", "s"):
        if milliseconds % _UNITS_MS[unit] == 0:
            return f"{milliseconds // int(_UNITS_MS[unit])}{unit}"
    return f"{milliseconds}ms"
