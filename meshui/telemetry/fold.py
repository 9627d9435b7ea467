"""From the reports of many proxies to one frame: who may say what, what is nonsense, and the sums.

Pure: reports and identities in, a frame out. The order of reports does not matter, and a report counts once however
often it arrives.

A report is taken whole or refused whole. A proxy speaks only for the service it joined as: the source of an edge that
it saw as source, the destination of an edge that it saw as destination, are the registry's, never the report's. The
source's account of an edge is the one that counts, because it includes requests that never arrived; the destination's
is used where the source is not in the mesh, and for what its access policies refused.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from meshui.mesh.names import REGISTRY
from meshui.telemetry.frames import (
    COLUMNS,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    SECURED,
    TCP,
    Frame,
    Histograms,
    Ints,
    PolicyCounts,
    added,
    key_text,
    limit_key,
    policy_key,
)
from meshui.telemetry.samples import MAX_IN_REPORT, flaw
from proxies.core.flags import ACCESS_DENIED, UNSENT
from proxies.wire.histogram import BUCKETS
from proxies.wire.reports import EdgeDelta, LimitUse, PolicyUse, Telemetry

PROBER = str(REGISTRY)
"""Whose requests are health checks, and no traffic."""
UNKNOWN = "unknown"
"""A service outside the mesh, or one that the registry does not know."""
ANYBODY = ""
"""In place of the source: whoever called, in what an instance received."""
MAX_EDGES = 4_000
"""Edges in one report: a gateway that calls a thousand services in four versions."""
MAX_REQUESTS = 10_000_000
"""Requests on one edge in one report."""
MAX_BYTES = 1 << 44
MAX_RESPONSES = 256
"""Different pairs of code and flags on one edge in one report."""

MAX_LIMITS = 4_000
"""Rate limits in one report."""
MAX_POLICY_RULES = 4_000
"""Rules of access policies in one report."""

_PROTOCOL = re.compile(r"[a-z0-9][a-z0-9./+-]{0,15}")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_FLAGS = re.compile(r"([A-Z]{1,8}(,[A-Z]{1,8}){0,7})?")


class Nonsense(ValueError):
    """A report that says what cannot be; the message names it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a proxy joined as."""

    service: str
    version: str


@dataclass(frozen=True, slots=True)
class Registry:
    """What the fold knows of the mesh: proxies by id, and the versions and routes of every service."""

    proxies: Mapping[str, Identity] = field(default_factory=dict)
    services: Mapping[str, frozenset[str]] = field(default_factory=dict)
    routes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def called(self, service: str, version: str, route: str) -> tuple[str, str, str]:
        """The names as the registry has them, so that a proxy cannot make up services, versions or routes."""
        versions = self.services.get(service)
        if versions is None:
            return UNKNOWN, "", ""
        return service, version if version in versions else "", route if route in self.routes.get(service, ()) else ""


SeenState = dict[str, dict[int, tuple[int, int]]]
"""By proxy and process: the newest number, and a bit for each of the 64 up to it."""


class Seen:
    """Which reports were counted, by proxy and process: the newest number and the 64 below it (as in RFC 4303, 3.4.3).

    A proxy numbers its reports, so one that was sent twice, or is read again after a restart, is known.
    """

    WIDTH = 64
    BOOTS = 4
    """Processes remembered for a proxy: more only exist where it restarts several times a second."""

    def __init__(self, state: SeenState | None = None) -> None:
        self.state = state or {}

    def first(self, proxy: str, boot: int, seq: int) -> bool:
        """Whether this is its first time; it is remembered. A number too far below the newest counts as seen."""
        boots = self.state.setdefault(proxy, {})
        newest, mask = boots.get(boot, (seq - 1, 0))
        ahead = seq - newest
        if ahead > 0:
            mask = (mask << ahead | 1) & ((1 << self.WIDTH) - 1) if ahead < self.WIDTH else 1
            boots[boot] = (seq, mask)
            if len(boots) > self.BOOTS:
                del boots[next(iter(boots))]
            return True
        bit = 1 << -ahead
        if -ahead >= self.WIDTH or mask & bit:
            return False
        boots[boot] = (newest, mask | bit)
        return True

    def forget(self, proxies: Mapping[str, Identity]) -> None:
        """Drop what is remembered of proxies that are gone."""
        for proxy in self.state.keys() - proxies.keys():
            del self.state[proxy]


Names = tuple[str, str, str, str, str, str]
"""An edge's: source and its version, destination and its version, protocol, route."""


class Fold:
    """The sums of one frame in the making: a row for each edge and proxy, which ``frame`` and ``instances`` sum up."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Names, str], int] = {}
        self._counts: list[list[int]] = []
        self._counted = _Groups()
        self._own = _Groups()
        self._flags: dict[tuple[int, str], int] = {}
        self._hit_rows = array("q")
        self._hit_sizes = array("q")
        self._buckets = array("q")
        self._hits = array("q")
        self._limits: dict[str, tuple[int, int]] = {}
        self._policies: dict[str, PolicyCounts] = {}
        self.reports = 0
        self.duplicates = 0
        self.dropped = 0
        self.refused: dict[str, int] = {}

    def refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def add(self, report: Telemetry, identity: Identity, registry: Registry) -> int:
        """Count a report; answers its requests. Raises Nonsense, having counted nothing of it."""
        requests = check(report)
        service, version = identity.service, identity.version
        for edge in report.edges:
            if edge.reporter == "source":
                called = registry.called(edge.destination_service, edge.destination_version, edge.route)
                names = (service, version, called[0], called[1], edge.protocol, called[2])
                self._add_edge(self._row(names, report.proxy), edge)
            elif edge.source_service != PROBER:
                known = edge.source_service in registry.services
                names = (ANYBODY if known else UNKNOWN, "", service, version, edge.protocol, "")
                self._add_edge(self._row(names, report.proxy), edge)
                if known:
                    self._add_denied((edge.source_service, "", service, version, edge.protocol, ""), edge)
        for use in report.limits:
            # Anybody may call a service and count against its routes; what it receives only its own proxies know.
            if use.service in registry.services if use.route else use.service == service:
                key = limit_key(use.service, use.route, use.limit)
                allowed, limited = self._limits.get(key, (0, 0))
                self._limits[key] = (allowed + use.allowed, limited + use.limited)
        for decided in report.policies:
            if decided.service == service:
                counts = _counts_of(decided)
                key = policy_key(decided.service, decided.policy)
                self._policies[key] = added(self._policies.get(key), counts)
        self.reports += 1
        self.dropped += report.dropped
        return requests

    def _add_edge(self, row: int, edge: EdgeDelta) -> None:
        counts = self._counts[row]
        for response in edge.responses:
            counts[response.code // 100] += response.count
            # What its caller's proxy never sent was not in the clear either.
            if edge.secured or (edge.reporter == "source" and response.flags in UNSENT):
                counts[SECURED] += response.count
            if response.flags:
                flag = (row, response.flags)
                self._flags[flag] = self._flags.get(flag, 0) + response.count
        for closed in edge.closed:
            if closed.flags:
                flag = (row, closed.flags)
                self._flags[flag] = self._flags.get(flag, 0) + closed.count
        if edge.protocol == TCP and edge.secured and not edge.responses:
            counts[SECURED] += 1  # a second of bytes alone, which has no other way to say it
        counts[REQUEST_BYTES] += edge.request_bytes
        counts[RESPONSE_BYTES] += edge.response_bytes
        if edge.histogram:
            self._hit_rows.append(row)
            self._hit_sizes.append(len(edge.histogram) // 2)
            self._buckets.extend(edge.histogram[::2])
            self._hits.extend(edge.histogram[1::2])

    def _add_denied(self, names: Names, edge: EdgeDelta) -> None:
        """What a destination refused by its policies, which its caller cannot tell from an app's own 403."""
        denied = sum([each.count for each in edge.responses if each.flags == ACCESS_DENIED])
        if denied:
            row = self._row(names, "")
            self._flags[row, ACCESS_DENIED] = self._flags.get((row, ACCESS_DENIED), 0) + denied

    def _row(self, names: Names, proxy: str) -> int:
        """Where a proxy's account of an edge is summed; an empty ``proxy`` is nobody's own."""
        row = self._rows.get((names, proxy))
        if row is None:
            row = self._rows[names, proxy] = len(self._counts)
            self._counts.append([0] * COLUMNS)
            self._counted.place(names if names[0] != ANYBODY else None)
            caller = names[:2] if names[1] else (ANYBODY, "")
            self._own.place((*caller, *names[2:5], "", proxy) if proxy else None)
        return row

    def frame(self, at: float) -> Frame:
        """What was counted, as the frame of the second that ends ``at``."""
        counted = self._summed(at, self._counted)
        return replace(
            counted,
            histograms=Histograms.collect(counted.histograms.rows, counted.histograms.buckets, counted.histograms.hits),
            reports=self.reports,
            duplicates=self.duplicates,
            refused=self.refused,
            dropped=self.dropped,
            limits=self._limits,
            policies=self._policies,
        )

    def instances(self, at: float) -> Frame:
        """What each proxy counted of its own, with histograms in no order: to be summed (``frames.total``)."""
        return self._summed(at, self._own)

    def _summed(self, at: float, by: _Groups) -> Frame:
        names, groups = by.sorted()
        counts = np.zeros((len(names), COLUMNS), np.int64)
        kept = groups >= 0
        np.add.at(counts, groups[kept], np.array(self._counts, np.int64).reshape(len(groups), COLUMNS)[kept])
        flags: dict[tuple[int, str], int] = {}
        for (row, name), count in self._flags.items():
            if groups[row] >= 0:
                key = (int(groups[row]), name)
                flags[key] = flags.get(key, 0) + count
        rows = groups[np.repeat(np.frombuffer(self._hit_rows, np.int64), np.frombuffer(self._hit_sizes, np.int64))]
        of_group = rows >= 0
        buckets, hits = np.frombuffer(self._buckets, np.int64), np.frombuffer(self._hits, np.int64)
        return Frame(
            at=at,
            keys=names,
            counts=counts,
            histograms=Histograms(rows[of_group], buckets[of_group], hits[of_group]),
            flags=[(row, name, count) for (row, name), count in sorted(flags.items())],
        )


class _Groups:
    """Which rows are summed as one, by the key that they get."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}
        self._of_row: list[int] = []

    def place(self, names: tuple[str, ...] | None) -> None:
        """Say of which group the next row is; None: of none."""
        self._of_row.append(-1 if names is None else self._numbers.setdefault(names, len(self._numbers)))

    def sorted(self) -> tuple[list[str], Ints]:
        """The keys in order, and by row the place of its group's key, -1 of none."""
        texts = [key_text(names) for names in self._numbers]
        order = sorted(range(len(texts)), key=texts.__getitem__)
        place = np.full(len(texts) + 1, -1, np.int64)
        place[order] = np.arange(len(texts))
        return [texts[number] for number in order], place[np.array(self._of_row, np.int64)]


def check(report: Telemetry) -> int:
    """The report's requests. Raises Nonsense for counts, buckets or names that cannot be."""
    if len(report.edges) > MAX_EDGES:
        raise Nonsense(f"{len(report.edges)} edges in one report")
    if report.dropped < 0:
        raise Nonsense("dropped is negative")
    if len(report.limits) > MAX_LIMITS:
        raise Nonsense(f"{len(report.limits)} rate limits in one report")
    for use in report.limits:
        _check_use(use)
    if len(report.policies) > MAX_POLICY_RULES:
        raise Nonsense(f"{len(report.policies)} rules of policies in one report")
    for decided in report.policies:
        _check_decided(decided)
    if len(report.samples) > MAX_IN_REPORT:
        raise Nonsense(f"{len(report.samples)} samples in one report")
    for told in report.samples:
        if reason := flaw(told):
            raise Nonsense(reason)
    return sum([_check_edge(edge) for edge in report.edges])


def _check_use(use: LimitUse) -> None:
    if not (0 <= use.allowed <= MAX_REQUESTS and 0 <= use.limited <= MAX_REQUESTS):
        raise Nonsense("a rate limit's count is out of range")
    if not _is_label(use.limit) or (use.route and not _is_label(use.route)):
        raise Nonsense("malformed name of a rate limit")


def _counts_of(use: PolicyUse) -> PolicyCounts:
    return PolicyCounts(use.allowed, use.denied, use.shadow_denied, use.shadow_allowed, use.failed)


def _check_decided(use: PolicyUse) -> None:
    if not all(0 <= count <= MAX_REQUESTS for count in _counts_of(use)):
        raise Nonsense("a policy's count is out of range")
    if use.policy and not _is_label(use.policy):
        raise Nonsense("malformed name of a policy")


def _check_edge(edge: EdgeDelta) -> int:
    requests = 0
    if len(edge.responses) + len(edge.closed) > MAX_RESPONSES:
        raise Nonsense(f"{len(edge.responses) + len(edge.closed)} kinds of response on one edge")
    for response in edge.responses:
        code, count = response.code, response.count
        if not (100 <= code < 600 or code == 0):
            raise Nonsense(f"response code {code}")
        if count < 0:
            raise Nonsense("a count is negative")
        if response.flags and not _is_flags(response.flags):
            raise Nonsense("malformed response flags")
        requests += count
    if requests > MAX_REQUESTS:
        raise Nonsense(f"{requests} requests in one second")
    if not (0 <= edge.request_bytes <= MAX_BYTES and 0 <= edge.response_bytes <= MAX_BYTES):
        raise Nonsense("bytes out of range")
    if not _is_protocol(edge.protocol):
        raise Nonsense("malformed protocol")
    measured = _check_closed(edge) if edge.protocol == TCP else requests
    if edge.closed and edge.protocol != TCP:
        raise Nonsense("connections that ended, where requests are counted")
    if edge.histogram:
        _check_histogram(edge.histogram, measured)
    return requests


def _check_closed(edge: EdgeDelta) -> int:
    """The connections that ended: it is their durations that are measured."""
    if any(closed.count < 0 or not _is_flags(closed.flags) for closed in edge.closed):
        raise Nonsense("malformed count of connections that ended")
    total = sum(closed.count for closed in edge.closed)
    if total > MAX_REQUESTS:
        raise Nonsense(f"{total} connections ended in one second")
    return total


def _check_histogram(histogram: list[int], requests: int) -> None:
    buckets, hits = histogram[::2], histogram[1::2]
    if len(buckets) != len(hits) or len(buckets) > BUCKETS:
        raise Nonsense("a histogram is no list of bucket and count")
    if min(buckets) < 0 or max(buckets) >= BUCKETS:
        raise Nonsense("a histogram has a bucket out of range")
    if min(hits) < 0 or sum(hits) > requests:
        raise Nonsense("a histogram counts other than what it measures")


@lru_cache(maxsize=1024)
def _is_flags(text: str) -> bool:
    return len(text) <= 64 and bool(_FLAGS.fullmatch(text))


@lru_cache(maxsize=4096)
def _is_label(text: str) -> bool:
    return bool(_LABEL.fullmatch(text))


@lru_cache(maxsize=64)
def _is_protocol(text: str) -> bool:
    return bool(_PROTOCOL.fullmatch(text))
