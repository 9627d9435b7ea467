"""The file: a zip of a manifest, tables as JSON lines and streams as msgpack, written and read within bounds.

A file may come from anybody. Nothing is ever extracted to a path: the few entries that are expected are read, by their
exact names, up to a limit that does not depend on what the file says of itself.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

FORMAT = 1
MAX_BYTES = 512 << 20
"""Of all that a snapshot holds, unpacked."""
MAX_LINE = 8 << 20
MANIFEST = "manifest.json"
VIEWER = "viewer"
"""Who may look at an open snapshot."""


class SnapshotError(ValueError):
    """A file that is no snapshot, or more than fits in one; the message says what is wrong with it."""


class Manifest(Struct, frozen=True):
    """``release`` wrote it; ``since`` is where the recorded past in it begins."""

    format: int
    release: str
    taken_at: datetime
    since: datetime


class Stored(Struct, frozen=True, array_like=True):
    """An entry of a stream: its id, when its time ended (Unix seconds), and its frame."""

    id: str
    at: float
    data: bytes


class Writer:
    """Writes a snapshot beside its place, and moves it there whole at the end."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._left = MAX_BYTES
        self._zip = zipfile.ZipFile(self._draft, "w", zipfile.ZIP_DEFLATED)
        self._draft.chmod(0o600)
        self._add(MANIFEST, [msgspec.json.encode(manifest)])

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        self._zip.close()
        if failure is None:
            self._draft.replace(self._path)
        else:
            self._draft.unlink(missing_ok=True)

    def table(self, label: str, rows: Iterable[dict[str, Any]]) -> None:
        """Raises SnapshotError where it is too much."""
        self._add(_table(label), (msgspec.json.encode(row) + b"\n" for row in rows))

    def stream(self, name: str, stored: Iterable[Stored]) -> None:
        """Raises SnapshotError where it is too much."""
        self._add(_stream(name), [msgspec.msgpack.encode(list(stored))])

    def _add(self, name: str, pieces: Iterable[bytes]) -> None:
        with self._zip.open(name, "w", force_zip64=True) as out:
            for piece in pieces:
                self._left -= len(piece)
                if self._left < 0:
                    raise SnapshotError(f"that is more than {MAX_BYTES >> 20} MB; take less of the past (--since)")
                out.write(piece)


class Reader:
    """Reads a snapshot. Every method raises SnapshotError where the file is none."""

    def __init__(self, path: Path) -> None:
        self._left = MAX_BYTES
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise SnapshotError(f"{path} cannot be read: {error}") from error
        names = self._zip.namelist()
        if len(set(names)) != len(names):
            raise SnapshotError("an entry is in the file twice")
        try:
            self.manifest = msgspec.json.decode(self._bytes(MANIFEST), type=Manifest)
        except msgspec.DecodeError as error:
            raise SnapshotError(f"the manifest is unreadable: {error}") from error
        if self.manifest.format != FORMAT:
            raise SnapshotError(f"the file has format {self.manifest.format}, this release reads {FORMAT}")

    def table(self, label: str) -> Iterator[dict[str, Any]]:
        """The rows of a table; none where the file has no such."""
        if _table(label) not in self._zip.namelist():
            return
        with self._open(_table(label)) as source:
            while line := self._read(source.readline, MAX_LINE):
                try:
                    yield msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.DecodeError as error:
                    raise SnapshotError(f"a row of {label} is unreadable: {error}") from error

    def stream(self, name: str) -> list[Stored]:
        if _stream(name) not in self._zip.namelist():
            return []
        try:
            return msgspec.msgpack.decode(self._bytes(_stream(name)), type=list[Stored])
        except msgspec.DecodeError as error:
            raise SnapshotError(f"{name} is unreadable: {error}") from error

    def _bytes(self, name: str) -> bytes:
        with self._open(name) as source:
            return self._read(source.read, self._left + 1)

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(name)
        except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise SnapshotError(f"{name} cannot be read: {error}") from error

    def _read(self, read: Any, most: int) -> bytes:
        try:
            data: bytes = read(most)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise SnapshotError(f"the file is damaged: {error}") from error
        self._left -= len(data)
        if self._left < 0:
            raise SnapshotError(f"the file unpacks to more than {MAX_BYTES >> 20} MB")
        return data


def _table(label: str) -> str:
    return f"tables/{label}.jsonl"


def _stream(name: str) -> str:
    return f"streams/{name}.msgpack"
