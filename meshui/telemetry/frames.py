"""Frames: one second of the whole mesh, by columns, and how it travels on ``mesh:frames``.

Owns the layout of a frame, its encoding and the sum of several. Pure: knows no Redis, no database and no clock.

An edge is one source service and version calling one destination service and version over one protocol by one route.
Its key is those names joined by tabs (``key_text``). All columns are in the order of ``keys``, which is sorted, so that
two seconds with the same edges have the same key table.

Frames of instances are made alike: each row is what one proxy counted of its own, beside the account that counts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from proxies.wire.histogram import BUCKETS

Ints = NDArray[np.int64]

CODE_CLASSES = ("0", "1xx", "2xx", "3xx", "4xx", "5xx")
"""Column 0 counts requests that got no response."""
SECURED, REQUEST_BYTES, RESPONSE_BYTES = 6, 7, 8
"""On an edge of plain connections, each second in which only bytes passed counts as one secured, if they were."""
COLUMNS = 9

SPAN_S = 10
"""Seconds that are summed into one frame where single ones are not needed: rollups, and blocks of a window."""

_BUCKET_BITS = 9
_MAX_ENCODED = 64 << 20
"""A frame that unpacks to more is refused: it is none of ours."""

assert BUCKETS <= 1 << _BUCKET_BITS


TCP = "tcp"
"""The protocol of edges where connections are what is counted: 2xx those that were established, 0 those that led
nowhere. Flags are of these and of those that ended; histograms are of how long those lasted, and no latency."""


class EdgeKey(NamedTuple):
    """Service names are ``namespace/name`` or ``unknown``; a version may be empty where it is not known. ``route`` is
    one of the destination's, or empty where none was taken or known.

    ``instance`` is empty in the account that counts. Else this is what one proxy, of that id, counted by itself: of
    its calls by the version called, or, with an empty ``source``, of all that it received. No route is told apart.
    """

    source: str
    source_version: str
    destination: str
    destination_version: str
    protocol: str
    route: str = ""
    instance: str = ""


def edge_key(text: str) -> EdgeKey:
    return EdgeKey(*text.split("\t"))


def key_text(names: Sequence[str]) -> str:
    """The key of an edge by its names in order; empty ones at the end are left out."""
    return "\t".join(names).rstrip("\t")


class LimitKey(NamedTuple):
    """A rate limit: whose, of which route (empty: of what the service receives), and its name."""

    service: str
    route: str
    limit: str


def limit_key(service: str, route: str, limit: str) -> str:
    return f"{service}\t{route}\t{limit}"


def read_limit_key(text: str) -> LimitKey:
    return LimitKey(*text.split("\t"))


class PolicyKey(NamedTuple):
    """An access policy at work for a service; empty where the default decided, or several did not match."""

    service: str
    policy: str


class PolicyCounts(NamedTuple):
    """Requests, and of an external policy checks that had no answer. The shadow's are what it would have done."""

    allowed: int
    denied: int
    shadow_denied: int
    shadow_allowed: int
    failed: int = 0


def policy_key(service: str, policy: str) -> str:
    return f"{service}\t{policy}"


def read_policy_key(text: str) -> PolicyKey:
    return PolicyKey(*text.split("\t"))


class FrameError(ValueError):
    """Bytes that are no frame."""


@dataclass(frozen=True, slots=True)
class Histograms:
    """Sparse histograms of several edges: ``hits[i]`` requests of edge ``rows[i]`` fell into ``buckets[i]``.

    Ordered by row, then bucket; each pair stands once.
    """

    rows: Ints
    buckets: Ints
    hits: Ints

    @classmethod
    def collect(cls, rows: Ints, buckets: Ints, hits: Ints) -> Histograms:
        """Sum hits in any order, pairs standing several times."""
        if not len(rows):
            return cls(rows, buckets, hits)
        flat = (rows << _BUCKET_BITS) | buckets
        order = np.argsort(flat, kind="stable")
        flat = flat[order]
        starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
        flat = flat[starts]
        return cls(flat >> _BUCKET_BITS, flat & ((1 << _BUCKET_BITS) - 1), np.add.reduceat(hits[order], starts))


@dataclass(frozen=True, slots=True)
class Frame:
    """``at`` is the end of the second in Unix seconds. ``counts`` has a row per key and ``COLUMNS`` columns: responses
    by code class, secured requests, request bytes, response bytes. ``flags`` are (row, flags, count).

    ``reports`` were counted, ``duplicates`` had been before, ``refused`` are counts by reason, and ``dropped`` are the
    seconds that proxies lost to back-pressure. ``limits`` are requests allowed and limited, by ``limit_key``;
    ``policies`` what access policies decided, by ``policy_key``.
    """

    at: float
    keys: list[str]
    counts: Ints
    histograms: Histograms
    flags: list[tuple[int, str, int]] = field(default_factory=list)
    reports: int = 0
    duplicates: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    policies: Mapping[str, PolicyCounts] = field(default_factory=dict)


class _Packed(msgspec.Struct, array_like=True):
    at: float
    keys: str
    counts: bytes
    sizes: bytes
    buckets: bytes
    hits: bytes
    flags: list[tuple[int, str, int]]
    reports: int
    duplicates: int
    refused: dict[str, int]
    dropped: int
    limits: dict[str, tuple[int, int]] = {}
    policies: dict[str, PolicyCounts] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Packed)


def encode(frame: Frame) -> bytes:
    """Columns one after the other, zlib level 1: about a quarter of the plain bytes for a millisecond's work."""
    packed = _Packed(
        at=frame.at,
        keys="\n".join(frame.keys),
        counts=np.ascontiguousarray(frame.counts.T).astype("<u8").tobytes(),
        sizes=np.bincount(frame.histograms.rows, minlength=len(frame.keys)).astype("<u2").tobytes(),
        buckets=frame.histograms.buckets.astype("<u2").tobytes(),
        hits=frame.histograms.hits.astype("<u4").tobytes(),
        flags=frame.flags,
        reports=frame.reports,
        duplicates=frame.duplicates,
        refused=dict(frame.refused),
        dropped=frame.dropped,
        limits=dict(frame.limits),
        policies=dict(frame.policies),
    )
    return zlib.compress(_encoder.encode(packed), 1)


def entry(frame: Frame) -> dict[Any, Any]:
    """The fields of a frame on its stream; its time stands beside it, so that it need not be decoded to be placed."""
    return {b"at": repr(frame.at).encode(), b"f": encode(frame)}


def read_entry(fields: Mapping[bytes, bytes]) -> tuple[float, bytes]:
    """The time of a frame on its stream, and its bytes. Raises FrameError."""
    try:
        return float(fields[b"at"]), fields[b"f"]
    except (KeyError, ValueError) as error:
        raise FrameError(f"no frame: {error}") from error


def decode(data: bytes) -> Frame:
    """Raises FrameError."""
    unpack = zlib.decompressobj()
    try:
        packed = _decoder.decode(unpack.decompress(data, _MAX_ENCODED))
        if not unpack.eof:
            raise FrameError("cut short, or too large")
        keys = packed.keys.split("\n") if packed.keys else []
        counts = np.frombuffer(packed.counts, "<u8").astype(np.int64).reshape(COLUMNS, len(keys)).T
        sizes = np.frombuffer(packed.sizes, "<u2")
        histograms = Histograms(
            np.repeat(np.arange(len(keys), dtype=np.int64), sizes),
            np.frombuffer(packed.buckets, "<u2").astype(np.int64),
            np.frombuffer(packed.hits, "<u4").astype(np.int64),
        )
    except (zlib.error, msgspec.DecodeError, ValueError) as error:
        raise FrameError(str(error)) from error
    return Frame(
        at=packed.at,
        keys=keys,
        counts=counts,
        histograms=histograms,
        flags=packed.flags,
        reports=packed.reports,
        duplicates=packed.duplicates,
        refused=packed.refused,
        dropped=packed.dropped,
        limits=packed.limits,
        policies=packed.policies,
    )


def only(frame: Frame, wanted: Callable[[EdgeKey], bool]) -> Frame:
    """The rows of these edges, without what a frame tells beside edges."""
    rows = [row for row, key in enumerate(frame.keys) if wanted(edge_key(key))]
    place = np.full(len(frame.keys), -1, np.int64)
    place[rows] = np.arange(len(rows))
    kept = place[frame.histograms.rows] >= 0
    histograms = frame.histograms
    return Frame(
        at=frame.at,
        keys=[frame.keys[row] for row in rows],
        counts=frame.counts[rows],
        histograms=Histograms(place[histograms.rows[kept]], histograms.buckets[kept], histograms.hits[kept]),
        flags=[(int(place[row]), name, count) for row, name, count in frame.flags if place[row] >= 0],
    )


def total(at: float, frames: Sequence[Frame]) -> Frame:
    """The sum of frames, whatever edges each of them has."""
    keys = sorted({key for frame in frames for key in frame.keys})
    rows = {key: row for row, key in enumerate(keys)}
    counts = np.zeros((len(keys), COLUMNS), np.int64)
    flags: dict[tuple[int, str], int] = {}
    places = [_places(frame.keys, rows) for frame in frames]
    for frame, place in zip(frames, places, strict=True):
        counts[place] += frame.counts
        for row, name, count in frame.flags:
            key = (int(place[row]), name)
            flags[key] = flags.get(key, 0) + count
    return Frame(
        at=at,
        keys=keys,
        counts=counts,
        histograms=Histograms.collect(
            _joined(place[frame.histograms.rows] for frame, place in zip(frames, places, strict=True)),
            _joined(frame.histograms.buckets for frame in frames),
            _joined(frame.histograms.hits for frame in frames),
        ),
        flags=[(row, name, count) for (row, name), count in sorted(flags.items())],
        reports=sum(frame.reports for frame in frames),
        duplicates=sum(frame.duplicates for frame in frames),
        refused=_sum_refused(frames),
        dropped=sum(frame.dropped for frame in frames),
        limits=_sum_limits(frames),
        policies=_sum_policies(frames),
    )


def span_start(at: float) -> int:
    """The start of the ten seconds that a second ending ``at`` belongs to, Unix seconds."""
    return int(-(-at // SPAN_S) - 1) * SPAN_S


def _places(keys: Sequence[str], rows: Mapping[str, int]) -> Ints:
    return np.fromiter((rows[key] for key in keys), np.int64, len(keys))


def _joined(parts: Iterable[Ints]) -> Ints:
    arrays = list(parts)
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _sum_refused(frames: Sequence[Frame]) -> dict[str, int]:
    refused: dict[str, int] = {}
    for frame in frames:
        for reason, count in frame.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    return refused


def _sum_limits(frames: Sequence[Frame]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for frame in frames:
        for key, (allowed, limited) in frame.limits.items():
            before = sums.get(key, (0, 0))
            sums[key] = (before[0] + allowed, before[1] + limited)
    return sums


def _sum_policies(frames: Sequence[Frame]) -> dict[str, PolicyCounts]:
    sums: dict[str, PolicyCounts] = {}
    for frame in frames:
        for key, counts in frame.policies.items():
            sums[key] = added(sums.get(key), counts)
    return sums


def added(sums: PolicyCounts | None, counts: PolicyCounts) -> PolicyCounts:
    """The sum of two, of which the first may be none."""
    if sums is None:
        return counts
    return PolicyCounts(*(one + other for one, other in zip(sums, counts, strict=True)))
