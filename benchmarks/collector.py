"""How many edge samples a second one core takes in.

    python -m benchmarks.collector [--json OUT] [--seconds 5]

A sample is what one proxy says of one edge in one second: responses by code and flags, bytes, and a histogram of
twelve buckets. Timed is everything that the collector does with a report once Redis has handed it over: verify,
decode, check, fold; and encode the frame of each second. ``frame kB`` is what a frame takes on its stream.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from benchmarks.support import report
from meshui.telemetry.fold import Fold, Identity, Registry, Seen
from meshui.telemetry.frames import decode, encode
from proxies.wire.reports import EdgeDelta, Responses, Telemetry, entry, proxy_key, read_telemetry

MASTER = bytes(32)
BUCKETS = 12
CASES = ((1000, 20), (200, 100), (20, 1000))
"""Proxies, and the edges that each of them reports."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=int, default=5, help="seconds of the mesh to fold")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{'case':<28}{'samples/s':>12}{'us/sample':>11}{'frame kB':>10}{'encode ms':>11}{'decode ms':>11}")
    for proxies, edges in CASES:
        row = measure(proxies, edges, options.seconds)
        rows.append(row)
        print(
            "{case:<28}{samples_per_s:>12,}{us_per_sample:>11}{frame_kb:>10}{encode_ms:>11}{decode_ms:>11}".format(
                **row
            )
        )
    report("collector", rows, options.json)
    return 0


def measure(proxies: int, edges: int, seconds: int) -> dict[str, object]:
    registry = make_registry(proxies)
    names = list(registry.services)
    rng = random.Random(7)
    batches = [
        [entry(proxy_key(MASTER, proxy), make_report(rng, proxy, second, names, edges)) for proxy in registry.proxies]
        for second in range(seconds)
    ]
    seen = Seen()
    encoding = 0.0
    began = time.process_time()
    for second, batch in enumerate(batches):
        fold = Fold()
        for fields in batch:
            message = read_telemetry(MASTER, fields)
            if seen.first(message.proxy, message.boot, message.seq):
                fold.add(message, registry.proxies[message.proxy], registry)
        before = time.process_time()
        data = encode(fold.frame(float(second)))
        encoding += time.process_time() - before
    spent = time.process_time() - began
    before = time.process_time()
    decode(data)
    decoding = time.process_time() - before
    samples = proxies * edges * seconds
    return {
        "case": f"{proxies} proxies x {edges} edges",
        "system": "meshui",
        "samples_per_s": round(samples / spent),
        "us_per_sample": round(spent / samples * 1e6, 2),
        "frame_kb": round(len(data) / 1024),
        "encode_ms": round(encoding / seconds * 1000, 1),
        "decode_ms": round(decoding * 1000, 1),
    }


def make_registry(proxies: int) -> Registry:
    """One service for each proxy, in ten namespaces."""
    names = [f"ns{number % 10}/service-{number}" for number in range(proxies)]
    return Registry(
        proxies={f"proxy-{number}": Identity(name, "v1") for number, name in enumerate(names)},
        services={name: frozenset({"v1"}) for name in names},
    )


def make_report(rng: random.Random, proxy: str, second: int, names: list[str], edges: int) -> Telemetry:
    chosen = [names[rng.randrange(len(names))] for _ in range(edges)]
    return Telemetry(proxy=proxy, boot=1, seq=second, at=float(second), edges=[make_edge(rng, to) for to in chosen])


def make_edge(rng: random.Random, target: str) -> EdgeDelta:
    first = rng.randrange(120, 220)
    histogram = [number for bucket in range(first, first + BUCKETS) for number in (bucket, rng.randrange(1, 9))]
    requests = sum(histogram[1::2])
    return EdgeDelta(
        reporter="source",
        source_service="",
        source_version="",
        destination_service=target,
        destination_version="v1",
        route="default",
        protocol="http",
        secured=True,
        responses=[Responses(200, "", requests - 1), Responses(503, "UH", 1)],
        request_bytes=requests * 200,
        response_bytes=requests * 2000,
        histogram=histogram,
    )


if __name__ == "__main__":
    raise SystemExit(main())
