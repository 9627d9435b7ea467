"""Whether a failed try is worth another one, and after how long.

A request that provably was not sent may always go out again. One that was, or may have been, only where doing it
twice does no harm: idempotent methods (RFC 9110 section 9.2.2), or where the route says so.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from proxies.wire.resilience import Retry

Failure = Literal["connect-failure", "refused", "reset-before-request", "reset", "try-timeout"] | int
"""How a try ended: without a connection (``refused``: the endpoint's host said no), with a kept connection that was
closed before a byte came back, with a connection lost (or used for garbage) before its response, too late, or with
a response of this status."""

MAX_REPLAY = 64 * 1024
"""Bytes of a request that are kept to be sent again; a longer one gets no further try."""
_GATEWAY_ERRORS = range(502, 505)
_SERVER_ERRORS = range(500, 600)


class RetryPolicy(NamedTuple):
    attempts: int
    unsent: frozenset[str]
    """Failures after which any request may be sent again: nobody saw it."""
    sent: frozenset[Failure]
    """Failures after which only a harmless one may."""
    unsafe: bool
    base_s: float
    max_s: float

    def allows(self, failure: Failure, *, idempotent: bool) -> bool:
        return failure in self.unsent or ((idempotent or self.unsafe) and failure in self.sent)

    def delay_s(self, number: int, chance: float) -> float:
        """How long to wait before retry ``number`` (from 1): full jitter over an exponential step, by a chance in
        [0, 1)."""
        step: float = min(self.max_s, self.base_s * 2 ** min(number - 1, 30))
        return step * chance


def compile_retry(retry: Retry) -> RetryPolicy:
    on = frozenset(retry.on)
    unsent = set[str]()
    if "connect-failure" in on:
        unsent |= {"connect-failure", "refused"}
    if "refused" in on:
        unsent.add("refused")
    sent = set[Failure](retry.codes)
    if "reset-before-request" in on:
        sent.add("reset-before-request")
    if "reset" in on or "5xx" in on:
        sent |= {"reset-before-request", "reset"}
    if "gateway-error" in on:
        sent |= set(_GATEWAY_ERRORS)
    if "5xx" in on:
        sent |= set(_SERVER_ERRORS)
    if retry.per_try_timeout_ms:
        sent.add("try-timeout")
    return RetryPolicy(
        retry.attempts,
        frozenset(unsent),
        frozenset(sent),
        retry.unsafe,
        retry.backoff_ms / 1000,
        max(retry.backoff_ms, retry.backoff_max_ms) / 1000,
    )


ON_STALE_CONNECTION = compile_retry(Retry(on=["reset-before-request"], backoff_ms=1, backoff_max_ms=1))
"""The least there is: an idempotent request does not fail because its connection was closed while idle (RFC 9112
section 9.3.1)."""
