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
from dataclasses import dataclass, field
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
    PolicyCounts,
    added,
    limit_key,
    policy_key,
)
from meshui.telemetry.samples import MAX_IN_REPORT, flaw
from proxies.core.flags import ACCESS_DENIED
from proxies.wire.histogram import BUCKETS
from proxies.wire.reports import EdgeDelta, LimitUse, PolicyUse, Telemetry

PROBER = str(REGISTRY)
"""Whose requests are health checks, and no traffic."""
UNKNOWN = "unknown"
"""A service outside the mesh, or one that the registry does not know."""
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
    """What the fold knows of the mesh: proxies by id, and the versions of every service."""

    proxies: Mapping[str, Identity] = field(default_factory=dict)
    services: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def destination(self, service: str, version: str) -> tuple[str, str]:
        """The names as the registry has them, so that a proxy cannot make up services."""
        versions = self.services.get(service)
        if versions is None:
            return UNKNOWN, ""
        return service, version if version in versions else ""


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


class Fold:
    """The sums of one frame in the making."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str, str, str], int] = {}
        self._counts: list[list[int]] = []
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
        for edge in report.edges:
            if edge.reporter == "source":
                source, source_version = identity.service, identity.version
                destination, version = registry.destination(edge.destination_service, edge.destination_version)
            elif edge.source_service == PROBER:
                continue
            elif edge.source_service in registry.services:
                self._add_denied((edge.source_service, "", identity.service, identity.version, edge.protocol), edge)
                continue
            else:
                source, source_version = UNKNOWN, ""
                destination, version = identity.service, identity.version
            self._add_edge((source, source_version, destination, version, edge.protocol), edge)
        for use in report.limits:
            # Anybody may call a service and count against its routes; what it receives only its own proxies know.
            if use.service in registry.services if use.route else use.service == identity.service:
                key = limit_key(use.service, use.route, use.limit)
                allowed, limited = self._limits.get(key, (0, 0))
                self._limits[key] = (allowed + use.allowed, limited + use.limited)
        for decided in report.policies:
            if decided.service == identity.service:
                counts = (decided.allowed, decided.denied, decided.shadow_denied, decided.shadow_allowed)
                key = policy_key(decided.service, decided.policy)
                self._policies[key] = added(self._policies.get(key), counts)
        self.reports += 1
        self.dropped += report.dropped
        return requests

    def _add_edge(self, key: tuple[str, str, str, str, str], edge: EdgeDelta) -> None:
        row = self._row(key)
        counts = self._counts[row]
        for response in edge.responses:
            counts[response.code // 100] += response.count
            if edge.secured:
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

    def _add_denied(self, key: tuple[str, str, str, str, str], edge: EdgeDelta) -> None:
        """What a destination refused by its policies, which its caller cannot tell from an app's own 403."""
        denied = sum([each.count for each in edge.responses if each.flags == ACCESS_DENIED])
        if denied:
            row = self._row(key)
            self._flags[row, ACCESS_DENIED] = self._flags.get((row, ACCESS_DENIED), 0) + denied

    def _row(self, key: tuple[str, str, str, str, str]) -> int:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._counts)
            self._counts.append([0] * COLUMNS)
        return row

    def frame(self, at: float) -> Frame:
        """What was counted, as the frame of the second that ends ``at``."""
        names = ["\t".join(key) for key in self._rows]
        order = sorted(range(len(names)), key=names.__getitem__)
        place = np.empty(len(names), np.int64)
        place[order] = np.arange(len(names))
        rows = np.repeat(np.frombuffer(self._hit_rows, np.int64), np.frombuffer(self._hit_sizes, np.int64))
        return Frame(
            at=at,
            keys=[names[row] for row in order],
            counts=np.array(self._counts, np.int64).reshape(len(names), COLUMNS)[order],
            histograms=Histograms.collect(
                place[rows], np.frombuffer(self._buckets, np.int64), np.frombuffer(self._hits, np.int64)
            ),
            flags=sorted((int(place[row]), name, count) for (row, name), count in self._flags.items()),
            reports=self.reports,
            duplicates=self.duplicates,
            refused=self.refused,
            dropped=self.dropped,
            limits=self._limits,
            policies=self._policies,
        )


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


def _check_decided(use: PolicyUse) -> None:
    counts = (use.allowed, use.denied, use.shadow_denied, use.shadow_allowed)
    if not all(0 <= count <= MAX_REQUESTS for count in counts):
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
