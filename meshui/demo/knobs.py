"""What a visitor can break: the share of errors and the added latency of one version of a demo service.

A small file per version, written by the API and looked at by the service with each request: it takes effect at
once, survives a restart of either, and opens no door to the services that traffic could reach.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """``error_rate`` (0 to 1) is the share of requests answered 500; ``latency_ms`` is waited before each answer."""

    error_rate: float = 0.0
    latency_ms: int = 0


NEUTRAL = Knobs()


def knobs_file(data_dir: Path, service: str, version: str) -> Path:
    """Where the knobs of a version live. ``service`` is ``namespace/name``."""
    return data_dir / "demo" / "knobs" / f"{service.replace('/', '.')}.{version}.json"


def write(file: Path, knobs: Knobs) -> None:
    """Replace the knobs, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(asdict(knobs)))
    draft.replace(file)


def read(file: Path) -> Knobs:
    """The knobs in a file; neutral ones where there is none."""
    try:
        return Knobs(**json.loads(file.read_text()))
    except FileNotFoundError:
        return NEUTRAL


class Watched:
    """The knobs of a file, read again only when it changed: one ``stat`` a look."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._knobs = NEUTRAL

    def look(self) -> Knobs:
        try:
            state = self._file.stat()
            seen = (state.st_ino, state.st_mtime_ns)
        except FileNotFoundError:
            seen = None
        if seen != self._seen:
            self._knobs = read(self._file)
            self._seen = seen
        return self._knobs
