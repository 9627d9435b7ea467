"""The last fifteen minutes of frames in this process's memory, and their sums over any window.

One thread per process tails ``mesh:frames`` and keeps the frames as they came, compressed. Sums over a window that
somebody looks at slide: a second costs one frame added and one taken away, however long the window is. Blocks, which
the collector makes of ten seconds each, make the first look at a long window, and series, cheap. Everything is behind
one lock; what leaves it is a copy.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import redis
from django.conf import settings

from meshui.telemetry.frames import SPAN_S, Frame, FrameError, Ints, decode, read_entry, span_start, total
from meshui.telemetry.streams import BLOCKS, INSTANCES, Entry, entries, id_ms, read_entries
from meshui.telemetry.sums import Sums, Totals
from proxies.wire import keys

log = logging.getLogger(__name__)

KEPT_S = 15 * 60
SLACK_S = 30
"""Frames kept beyond that: a window subtracts what leaves it only when somebody looks."""
SLIDING = 8
"""Windows that are kept sliding; the one not looked at for longest goes."""
BLOCK_MS = 2_000
"""How long a read waits for the next frame before it looks whether the stream is still the one it was."""
PAGE = 100


@dataclass(frozen=True, slots=True)
class View:
    """The sums of a window. ``keys[i]`` names row i of ``totals`` (``frames.edge_key``).

    ``as_of`` is the end of its newest second, Unix seconds; ``covered_s`` how much of the window was observed, at
    least one second. ``resolution_s`` is how finely what it was read from is kept.
    """

    as_of: float
    window_s: int
    covered_s: float
    keys: tuple[str, ...]
    totals: Totals
    source: Literal["frames", "rollups"] = "frames"
    resolution_s: int = 1


@dataclass(slots=True)
class _Sliding:
    """Sums of the frames [first, last) by absolute number."""

    sums: Sums
    first: int
    last: int
    used: float


class _Block(NamedTuple):
    """The sum of the frames [first, last) by absolute number, encoded."""

    first: int
    last: int
    data: bytes


class Window:
    """Frames of ``frame_s`` seconds by time, numbered from the start of the process, so that a number stays valid when
    old ones go."""

    def __init__(self, frame_s: int = 1) -> None:
        self._frame_s = frame_s
        self._lock = threading.Lock()
        self._clear()
        self._listeners: list[Callable[[], None]] = []

    def _clear(self) -> None:
        self._ends: list[float] = []
        self._frames: list[bytes] = []
        self._offset = 0
        self._index: dict[str, int] = {}
        self._names: list[str] = []
        self._blocks: dict[int, _Block] = {}
        self._sliding: dict[int, _Sliding] = {}
        self._places: tuple[list[str], Ints] | None = None

    # --- writing ------------------------------------------------------------------------------------------------

    def append(self, at: float, data: bytes) -> None:
        """Take the frame of the second that ends ``at``, and let go of what is older than fifteen minutes."""
        with self._lock:
            if self._ends and at <= self._ends[-1]:
                return
            self._ends.append(at)
            self._frames.append(data)
            self._expire(at - KEPT_S)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def clear(self) -> None:
        """Forget all frames: the stream began anew."""
        with self._lock:
            self._clear()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` called, in the reading thread, after each frame; answers what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def _expire(self, until: float) -> None:
        gone = bisect_right(self._ends, until - SLACK_S)
        del self._ends[:gone], self._frames[:gone]
        self._offset += gone
        for start in [start for start, block in self._blocks.items() if block.first < self._offset]:
            del self._blocks[start]

    def add_block(self, end: float, data: bytes) -> None:
        """Take the sum of the ten seconds up to ``end``, whose frames came before."""
        start = end - SPAN_S
        with self._lock:
            first, last = bisect_right(self._ends, start), bisect_right(self._ends, end)
            if first < last and self._ends[0] - 1 <= start:
                self._blocks[int(start)] = _Block(self._offset + first, self._offset + last, data)

    # --- reading ------------------------------------------------------------------------------------------------

    @property
    def newest(self) -> float | None:
        """The end of the newest second, Unix seconds; None before the first frame."""
        with self._lock:
            return self._ends[-1] if self._ends else None

    @property
    def oldest(self) -> float | None:
        """The start of the oldest second."""
        with self._lock:
            return self._ends[0] - self._frame_s if self._ends else None

    def view(self, window_s: int, at: float | None = None) -> View | None:
        """The sums of the ``window_s`` seconds up to ``at``, or up to the newest; None where no frame is in them."""
        with self._lock:
            last = bisect_right(self._ends, at) if at is not None else len(self._ends)
            if not last:
                return None
            as_of = self._ends[last - 1]
            if at is not None and as_of <= at - window_s:
                return None
            first = bisect_right(self._ends, (as_of if at is None else at) - window_s)
            if at is None:
                sums = self._slide(window_s, self._offset + first, self._offset + last)
            else:
                sums = Sums()
                self._sum(sums, self._offset + first, self._offset + last)
            return View(
                as_of=as_of,
                window_s=window_s,
                covered_s=float((last - first) * self._frame_s),
                keys=tuple(self._names),
                totals=sums.totals(len(self._names)),
                resolution_s=self._frame_s,
            )

    def frames(self, since: float, until: float, *, blocks: bool) -> Iterator[tuple[Frame, int]]:
        """What ends after ``since`` and up to ``until``, oldest first, with the number of seconds in each; with
        ``blocks`` ten seconds at a time where they are complete."""
        with self._lock:
            first, last = bisect_right(self._ends, since), bisect_right(self._ends, until)
            if blocks:
                pieces = list(self._pieces(self._offset + first, self._offset + last))
            else:
                pieces = [(data, self._frame_s) for data in self._frames[first:last]]
        for data, seconds in pieces:
            yield _decoded(data), seconds

    # --- sums, under the lock -----------------------------------------------------------------------------------

    def _slide(self, window_s: int, first: int, last: int) -> Sums:
        now = time.monotonic()
        state = self._sliding.get(window_s)
        steps = (last - state.last) + (first - state.first) if state else 0
        if state is None or state.first < self._offset or steps > last - first:
            state = self._sliding[window_s] = _Sliding(Sums(), first, last, now)
            self._sum(state.sums, first, last)
            while len(self._sliding) > SLIDING:
                del self._sliding[min(self._sliding, key=lambda each: self._sliding[each].used)]
        self._sum(state.sums, state.last, last)
        self._sum(state.sums, state.first, first, -1)
        state.first, state.last, state.used = first, last, now
        return state.sums

    def _sum(self, sums: Sums, first: int, last: int, sign: int = 1) -> None:
        """Add frames [first, last)."""
        for data, _ in self._pieces(first, last):
            frame = _decoded(data)
            sums.add(self._edges_of(frame), frame, sign)

    def _pieces(self, first: int, last: int) -> Iterator[tuple[bytes, int]]:
        """Frames [first, last) as they are kept, blocks in place of their frames, each with its seconds."""
        number = first
        while number < last:
            block = self._blocks.get(span_start(self._ends[number - self._offset]))
            if block and block.first == number and block.last <= last:
                yield block.data, block.last - block.first
                number = block.last
            else:
                yield self._frames[number - self._offset], self._frame_s
                number += 1

    def _edges_of(self, frame: Frame) -> Ints:
        """The numbers of the frame's edges. Seconds tend to have the same ones, so the last answer is kept."""
        if self._places and self._places[0] == frame.keys:
            return self._places[1]
        index = self._index
        for name in frame.keys:
            if name not in index:
                index[name] = len(index)
                self._names.append(name)
        edges = np.fromiter((index[name] for name in frame.keys), np.int64, len(frame.keys))
        self._places = (frame.keys, edges)
        return edges


def _decoded(data: bytes) -> Frame:
    """A frame; an empty one in place of what another release wrote and we cannot read."""
    try:
        return decode(data)
    except FrameError as error:
        log.warning("a frame is unreadable: %s", error)
        return total(0.0, [])


class Tail(threading.Thread):
    """Feeds a window from the streams of its frames and, where there are such, of its blocks, through restarts of the
    server, until the process ends or ``stop``."""

    def __init__(self, window: Window, url: str, frames: str = keys.FRAMES, blocks: str = BLOCKS) -> None:
        super().__init__(name=frames, daemon=True)
        self._window = window
        self._url = url
        self._streams = [stream for stream in (frames, blocks) if stream]
        self._ended = threading.Event()
        self._last: dict[Any, str] = {}
        self.caught_up = threading.Event()
        """Set once everything that was on the stream at the start is in memory."""

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        complained = False
        while not self._ended.is_set():
            try:
                with redis.Redis.from_url(self._url, socket_timeout=10, socket_connect_timeout=3) as client:
                    self._begin(client)
                    complained = False
                    while not self._ended.is_set():
                        self._follow(client)
            except (redis.RedisError, OSError) as error:
                self.caught_up.set()
                if not complained:
                    log.warning("frames wait: %s", error)
                complained = True
                self._ended.wait(0.5)

    def _begin(self, client: redis.Redis) -> None:
        """Read what the streams hold beyond what we have."""
        oldest = f"{int(time.time() - KEPT_S) * 1000}-0"
        for stream in self._streams:
            self._last.setdefault(stream, oldest)
            page = None
            while page is None or len(page) == PAGE:
                page = entries(client.xrange(stream, min=f"({self._last[stream]}", count=PAGE))
                self._take(stream, page)
        self.caught_up.set()

    def _follow(self, client: redis.Redis) -> None:
        news = read_entries(
            client.xread({stream: last for stream, last in self._last.items()}, count=PAGE, block=BLOCK_MS)
        )
        for stream in self._streams:
            self._take(stream, news.get(stream, []))
        if not news:
            self._look_for_reset(client)

    def _look_for_reset(self, client: redis.Redis) -> None:
        """The stream may have been begun anew with smaller ids, where the server's clock was set back."""
        frames = self._streams[0]
        newest = entries(client.xrevrange(frames, count=1))
        if newest and id_ms(newest[0][0]) < id_ms(self._last[frames].encode()):
            self._window.clear()
            self._last.clear()
            self._begin(client)

    def _take(self, stream: str, batch: list[Entry]) -> None:
        take = self._window.append if stream == self._streams[0] else self._window.add_block
        for entry_id, fields in batch:
            self._last[stream] = entry_id.decode()
            try:
                take(*read_entry(fields))
            except FrameError as error:
                log.warning("entry %s of %s is unreadable: %s", self._last[stream], stream, error)


_starting = threading.Lock()
_shared: Window | None = None
_instances: Window | None = None
LOADING_S = 5.0
"""How long the first reader waits for the frames of the last fifteen minutes."""


def shared() -> Window:
    """This process's window; the first call starts its thread and waits until it has caught up."""
    global _shared
    if _shared is None:
        with _starting:
            if _shared is None:
                _shared = _started(Window(), keys.FRAMES, BLOCKS)
    return _shared


def instances() -> Window:
    """What instances counted by themselves, ten seconds at a time. Its thread starts when somebody first asks."""
    global _instances
    if _instances is None:
        with _starting:
            if _instances is None:
                _instances = _started(Window(SPAN_S), INSTANCES, "")
    return _instances


def _started(window: Window, frames: str, blocks: str) -> Window:
    tail = Tail(window, settings.MESHUI.redis_url, frames, blocks)
    tail.start()
    tail.caught_up.wait(LOADING_S)
    return window
