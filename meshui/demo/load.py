"""Steady traffic from outside: requests to the gateway at a fixed rate, whatever happens to them.

``python -m meshui.demo.load --port 8080 --rps 50``. The schedule is open-loop: a slow mesh gets no fewer requests,
up to a bound of requests in flight; beyond it they are dropped and counted. Prints only when something failed.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import signal
import sys

import uvloop

from meshui.demo.client import Client, ClientError

HOST = "shop.example"
MAX_IN_FLIGHT = 256
TIMEOUT_S = 20.0
CHECKOUT_EVERY = 10
"""One request in so many is a ``POST /checkout``, the others ``GET /``."""
SUMMARY_EVERY_S = 10.0


class Load:
    """``rps`` requests a second through ``client``; ``failures`` counts by reason what did not answer 200."""

    def __init__(self, client: Client, rps: float) -> None:
        self._client = client
        self._rps = rps
        self._flying: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.failures: collections.Counter[str] = collections.Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; what is in flight then is let go."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            due += 1 / self._rps
            self._send()
            behind = loop.time() - due
            if behind > 1:
                due += behind  # the process itself was stopped for a while: no burst to make up for it
            await asyncio.sleep(max(0.0, due - loop.time()))
        for task in self._flying:
            task.cancel()

    def _send(self) -> None:
        self.sent += 1
        if len(self._flying) >= MAX_IN_FLIGHT:
            self.failures["not sent, too many in flight"] += 1
            return
        checkout = self.sent % CHECKOUT_EVERY == 0
        task = asyncio.get_running_loop().create_task(self._one("POST" if checkout else "GET", checkout))
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)

    async def _one(self, method: str, checkout: bool) -> None:
        try:
            response = await self._client.request(method, HOST, "/checkout" if checkout else "/")
        except ClientError as error:
            self.failures[str(error)] += 1
            return
        if response.status != 200:
            self.failures[f"answered {response.status}"] += 1

    async def summarize(self) -> None:
        """Say every ten seconds what failed in them; nothing where nothing did."""
        while True:
            before = self.sent
            await asyncio.sleep(SUMMARY_EVERY_S)
            if self.failures:
                reasons = ", ".join(f"{reason}: {n}" for reason, n in self.failures.most_common(5))
                sys.stdout.write(f"{sum(self.failures.values())} of {self.sent - before} requests failed ({reasons})\n")
                sys.stdout.flush()
                self.failures.clear()


async def run(port: int, rps: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = Client("127.0.0.1", port, limit=MAX_IN_FLIGHT, timeout_s=TIMEOUT_S)
    load = Load(client, rps)
    summary = asyncio.create_task(load.summarize())
    await load.run(stop)
    summary.cancel()
    client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Steady traffic to the demo's gateway.")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--rps", required=True, type=float)
    options = parser.parse_args()
    uvloop.run(run(options.port, options.rps))


if __name__ == "__main__":
    main()
