"""The state folder: what a proxy needs to serve after a restart when nobody else is there.

``identity.msgpack`` holds the key, its certificate and the credentials, in one file so that they always belong
together; ``resources.msgpack`` the last good resources, as they came. Files are written whole or not at all, for their
owner only. One process at a time owns the folder.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from proxies.wire.join import JoinResponse
from proxies.wire.resources import Listener

log = logging.getLogger(__name__)

IDENTITY = "identity.msgpack"
RESOURCES = "resources.msgpack"
LOCK = "lock"
SAVE_EVERY_S = 1.0


class StateError(OSError):
    """The folder cannot be used; the message says why."""


class Identity(Struct, frozen=True, kw_only=True):
    """Who this proxy is. ``joined`` is the answer to the join, except that renewals replace its certificate and
    bundle. ``listeners``, ``admin``, ``locality`` and ``weight`` are what it asked for. ``obtained_at`` and
    ``not_after`` are Unix seconds."""

    name: str
    listeners: list[Listener]
    admin: str
    joined: JoinResponse
    key: str
    obtained_at: float
    not_after: float
    locality: str = ""
    weight: int = 100


_identity = msgspec.msgpack.Decoder(Identity)
_resources = msgspec.msgpack.Decoder(dict[str, bytes])
_encoder = msgspec.msgpack.Encoder()


class StateDir:
    """A folder of mode 0700, created when absent and locked while this object lives."""

    def __init__(self, path: Path) -> None:
        """Raises StateError where another process has it."""
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise StateError(f"another proxy uses the state folder {path}") from error

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._lock)

    def identity(self) -> Identity | None:
        """The identity kept here; None where there is none yet. Raises StateError for a file that is damaged."""
        try:
            return _identity.decode((self.path / IDENTITY).read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise StateError(f"{self.path / IDENTITY} is damaged ({error}); remove it and join again") from error

    def keep_identity(self, identity: Identity) -> None:
        write_whole(self.path / IDENTITY, _encoder.encode(identity))

    def resources(self) -> dict[str, bytes]:
        """The last good resources by ``kind:name``; empty where there are none. They can always be read anew, so a
        damaged file is only logged."""
        try:
            return _resources.decode((self.path / RESOURCES).read_bytes())
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            log.error("%s is damaged, starting without it: %s", self.path / RESOURCES, error)
            return {}

    def keep_resources(self, contents: dict[str, bytes]) -> None:
        write_whole(self.path / RESOURCES, _encoder.encode(contents))


class Keeper:
    """Writes the resources some time after they changed, at most once a second and off the event loop: a disk that
    is slow to flush must not hold up requests."""

    def __init__(self, state: StateDir, contents: Callable[[], dict[str, bytes]]) -> None:
        self._state = state
        self._contents = contents
        self._changed = asyncio.Event()

    def changed(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled; then once more if something is unwritten."""
        writing: asyncio.Future[bool] | None = None
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                writing = asyncio.get_running_loop().run_in_executor(None, self._write, self._contents())
                if not await asyncio.shield(writing):
                    self._changed.set()
                await asyncio.sleep(SAVE_EVERY_S)
        finally:
            if writing is not None:
                await writing
            if self._changed.is_set():
                self._write(self._contents())

    def _write(self, contents: dict[str, bytes]) -> bool:
        try:
            self._state.keep_resources(contents)
        except OSError as error:
            log.error("the configuration is not kept for a restart: %s", error)
            return False
        return True


def write_whole(file: Path, data: bytes) -> None:
    """Replace a file by one that is complete and on disk, readable by its owner only."""
    draft = file.with_name(f".{file.name}.draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
