"""Lines for a file or standard output, written by a thread: whoever is slow to take them holds up no request.

A file that was renamed or removed is opened anew within a second of the next line, so that logs can be rotated without
a word to the proxy. Several processes may write to one file: lines arrive whole.
"""

from __future__ import annotations

import atexit
import logging
import os
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep

from proxies.core.addresses import NOWHERE, STDOUT

log = logging.getLogger("meshui.proxy")

MAX_WAITING = 4 * 1024 * 1024
"""Bytes that wait to be written; lines beyond are dropped."""
GATHER_S = 0.1
LOOK_S = 1.0
"""How often is looked whether the file is still where it was."""
AT_ONCE = 4096
"""Bytes of one write: as much as a pipe takes whole (PIPE_BUF)."""
LAST_WORD_S = 2.0


def lines_to(where: str) -> Lines | None:
    """Where ``--access-log`` says: a file, ``stdout``, or ``none``. Raises OSError where it cannot be opened."""
    return Lines(where) if where != NOWHERE else None


class Lines:
    """``dropped`` counts the lines that were not written."""

    def __init__(self, where: str) -> None:
        """``where`` is ``stdout``, or the path of a file to append to. Raises OSError where it cannot be opened."""
        self._path = "" if where == STDOUT else where
        self._fd = self._open() if self._path else 1
        self._looked = 0.0
        self._failing = False
        self._taken = 0
        self._done = 0  # the thread's to count, as ``_lost``
        self._refused = 0
        self._lost = 0
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        self._thread = Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def dropped(self) -> int:
        return self._refused + self._lost

    def write(self, line: bytes) -> None:
        """Have a line written, which has its end."""
        if self._taken - self._done > MAX_WAITING:
            self._refused += 1
            return
        self._taken += len(line)
        self._queue.put(line)

    def close(self) -> None:
        """Write what waits, within 2 s."""
        self._queue.put(b"")
        self._thread.join(LAST_WORD_S)

    # --- the thread

    def _run(self) -> None:
        over = False
        while not over:
            batch = [self._queue.get()]
            if batch[0]:
                sleep(GATHER_S)
            try:
                while True:
                    batch.append(self._queue.get_nowait())
            except Empty:
                over = b"" in batch
            self._write_all([line for line in batch if line])

    def _write_all(self, batch: list[bytes]) -> None:
        self._look()
        part: list[bytes] = []
        size = 0
        for line in batch:
            if size + len(line) > AT_ONCE:
                self._write(part, size)
                part, size = [], 0
            part.append(line)
            size += len(line)
        self._write(part, size)

    def _write(self, part: list[bytes], size: int) -> None:
        """Some lines in one piece. Where that fails they are lost."""
        data = b"".join(part)
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            self._failing = False
        except OSError as error:
            self._lost += len(part)
            self._complain(error)
        self._done += size

    def _look(self) -> None:
        if not self._path or monotonic() < self._looked + LOOK_S:
            return
        self._looked = monotonic()
        try:
            if _same(os.fstat(self._fd), self._path):
                return
            fresh = self._open()
        except OSError as error:  # the old one still takes them
            self._complain(error)
            return
        os.close(self._fd)
        self._fd = fresh

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _complain(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            log.error("the access log cannot be written: %s", error)


def _same(open_file: os.stat_result, path: str) -> bool:
    """Whether the file is still where it was opened."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (open_file.st_dev, open_file.st_ino)
