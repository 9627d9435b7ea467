"""What a decision by access policies costs a request, in microseconds on one core.

    python -m benchmarks.authorize [--json OUT] [--rules 1000] [--seconds 1]

``alike`` asks for paths that come again, ``new path`` and ``template`` never for the same one twice; the others have
rules whose answer cannot be kept: by a header, by the time of day. ``all match`` is what no table helps: every rule is
about this caller, and each compares a header of its own. ``strangers`` come each from an address of their own, past
rules by address range. The budget for 1,000 rules is 3 us.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.support import report
from proxies.core.authorize import Guard
from proxies.core.head import RequestHead, read_request
from proxies.core.rules import Who
from proxies.wire.policies import Policy

CALLER = Who("shop/frontend", "10.0.0.7")
BATCH = 1_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{options.rules} rules, microseconds a decision")
    for case, (rules, heads, callers) in cases(options.rules).items():
        guard = Guard([policy("allow", rules)], "deny", port=8080, clock=time.time)
        cost = microseconds(guard, heads, callers, options.seconds)
        rows.append({"case": case, "system": "meshui", "rules": options.rules, "us_per_decision": round(cost, 2)})
        print(f"  {case:<12}{cost:8.2f}")
    report("authorize", rows, options.json)
    return 0


def cases(count: int) -> dict[str, tuple[list[dict[str, Any]], Sequence[RequestHead], Sequence[Who]]]:
    """By name: rules, what is asked, and who asks."""

    def rules(**more: Any) -> list[dict[str, Any]]:
        return [
            {"caller": {"services": ["shop/*"]}, "operation": {"methods": ["GET"], "paths": [f"/r{n}/*"]}, **more}
            for n in range(count)
        ]

    by_caller = [{"caller": {"services": [f"shop/s{n}"]}, "operation": {"paths": ["/*"]}} for n in range(count - 1)]
    by_caller.append({"caller": {"services": ["shop/frontend"]}})
    by_range = [{"caller": {"cidrs": [f"10.{n // 250}.{n % 250}.0/24"]}} for n in range(min(count, 100))]
    again = [ask(f"/r{n}/x") for n in range(0, count, max(1, count // 50))]
    fresh = [ask(f"/r{n % count}/x{n}") for n in range(50_000)]
    gold = {"when": [{"header": "x-tier", "values": ["gold"]}]}
    by_template = [{"operation": {"paths": [f"/items/{{id}}/r{n}"]}} for n in range(count)]
    by_value = [{"when": [{"header": "x-tier", "values": [f"t{n}"]}]} for n in range(count - 1)]
    by_value.append({"when": [{"header": "x-tier", "values": ["gold"]}]})
    by_host: list[dict[str, Any]] = [{"operation": {"hosts": [f"h{n}.example"]}} for n in range(count - 1)]
    by_host.append({"operation": {"hosts": ["catalog.shop.mesh"]}, **gold})
    everyone = [
        {"operation": {"not_paths": [f"/r{n}"]}, "when": [{"header": f"x-{n}", "values": ["a"]}]} for n in range(count)
    ]
    return {
        "alike": (rules(), again, [CALLER]),
        "new path": (rules(), fresh, [CALLER]),
        "by caller": (by_caller, again, [CALLER]),
        "template": (by_template, [ask(f"/items/{n}/r{n % count}") for n in range(50_000)], [CALLER]),
        "by header": (rules(**gold), again, [CALLER]),
        "by value": (by_value, again, [CALLER]),
        "by host": (by_host, again, [CALLER]),
        "by hours": (rules(hours={"start": 0, "end": 1440}), again, [CALLER]),
        "strangers": (by_range, again, [Who("", f"10.0.{n // 250}.{n % 250}") for n in range(4_000)]),
        "all match": ([*everyone, {}], again, [CALLER]),
    }


def microseconds(guard: Guard, heads: Sequence[RequestHead], callers: Sequence[Who], seconds: float) -> float:
    """The CPU time of one decision, the first ones left out."""
    asked: Iterator[tuple[Who, RequestHead]] = zip(cycle(callers), cycle(heads), strict=False)
    decide: Callable[[Who, RequestHead], object] = guard.decide
    for _, (who, head) in zip(range(BATCH), asked, strict=False):
        decide(who, head)
    spent, done, until = 0.0, 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        batch = [next(asked) for _ in range(BATCH)]
        start = time.process_time()
        for who, head in batch:
            decide(who, head)
        spent += time.process_time() - start
        done += BATCH
    return spent / done * 1_000_000


def policy(action: str, rules: list[dict[str, Any]]) -> Policy:
    return msgspec.convert({"name": "p", "action": action, "rules": rules}, Policy)


def ask(path: str) -> RequestHead:
    return read_request(f"GET {path} HTTP/1.1\r\nHost: catalog.shop.mesh\r\nX-Tier: gold\r\nAccept: */*".encode())


if __name__ == "__main__":
    raise SystemExit(main())
