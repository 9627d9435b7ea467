"""The data folder: where one copy of meshui keeps its secrets, its chosen ports and its servers' data.

Owns file modes and the memory of what was generated once. Knows nothing of what the secrets and ports are for.
"""

from __future__ import annotations

import json
import os
import random
import socket
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path

BLOCK = 64
PORTS = range(20_000, 32_000)
"""Below Linux's ephemeral range (32768 up), so that no outgoing connection takes a remembered port."""


class DataDir:
    """One copy's folder, created when absent.

    Its ports are a block of 64 in ``ports``, which it keeps from other copies, also ones that start at the same
    moment, by listening on the block's first port for as long as this object lives.
    """

    def __init__(self, path: Path, ports: range = PORTS) -> None:
        self.path = path.absolute()
        self._range = ports
        self._block: range | None = None
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ports_file = self.path / "ports.json"

    def folder(self, name: str) -> Path:
        """A private folder within the data folder, created when absent."""
        folder = self.path / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret of that name; ``make`` gives it the first time."""
        file = self.folder("secrets") / name
        if not file.exists():
            write_private(file, make())
        return file.read_text()

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """A loopback port for each name: the remembered one while it is free, else another that is remembered."""
        known: dict[str, int] = json.loads(self._ports_file.read_text()) if self._ports_file.exists() else {}
        if self._block is None:
            self._block = self._claim(known.get("block"))
        kept = {name: port for name, port in known.items() if port in self._block}
        taken = set(kept.values())
        chosen = {"block": self._block.start}
        for name in names:
            port = kept.get(name)
            if port is None or not is_free(port):
                port = next(p for p in self._block[1:] if p not in taken and is_free(p))
            chosen[name] = port
            taken.add(port)
        if known != kept | chosen:
            write_private(self._ports_file, json.dumps(kept | chosen, indent=1))
        del chosen["block"]
        return chosen

    def _claim(self, former: int | None) -> range:
        blocks = list(self._range[::BLOCK])
        random.shuffle(blocks)
        for start in [former, *blocks] if former is not None else blocks:
            guard = socket.socket()
            guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                guard.bind(("127.0.0.1", start))
                guard.listen(1)
            except OSError:
                guard.close()
                continue
            weakref.finalize(self, guard.close)
            return range(start, start + BLOCK)
        raise OSError(f"no free block of ports in {self._range.start}-{self._range.stop}")


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server may listen there now (connections that linger from a former one do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
