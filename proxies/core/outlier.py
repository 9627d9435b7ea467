"""Which endpoints are left out because their answers are bad (passive health; Envoy's outlier detection).

An endpoint with too many errors in a row is ejected, for longer each time. When its time is over it is owed one real
request, the probe; how that ends decides whether it is back or out again. Time is passed in, in seconds.

    IN --errors in a row--> OUT --time over, at a sweep--> DUE --probe sent--> PROBING --good--> IN
                             ^                                                   |
                             +---------------------- bad ------------------------+
"""

from __future__ import annotations

from collections.abc import Callable

from proxies.wire.resilience import Outlier

IN, OUT, DUE, PROBING = "in", "out", "due", "probing"
_GATEWAY_ERRORS = (502, 503, 504)


class Standing:
    """What is held against one endpoint."""

    __slots__ = ("ejections", "errors", "gateway_errors", "state", "until")

    def __init__(self) -> None:
        self.state = IN
        self.errors = 0
        """Responses of 5xx, or none at all, in a row."""
        self.gateway_errors = 0
        """The same of 502, 503, 504 and none."""
        self.ejections = 0
        """How often it went lately; each sweep without an error forgives one."""
        self.until = 0.0

    @property
    def clean(self) -> bool:
        """Nothing is held against it."""
        return self.state == IN and not self.errors and not self.ejections

    @property
    def awaited(self) -> bool:
        """A good answer would change something."""
        return self.errors > 0 or self.state in (DUE, PROBING)


def may_eject(out: int, total: int, policy: Outlier) -> bool:
    """Whether one more of a service's endpoints may go, of which so many are out."""
    return out < max(1, total * policy.max_percent // 100)


def judge(standing: Standing, status: int, policy: Outlier, now: float, may_go: Callable[[], bool]) -> bool:
    """Take in how a request to an endpoint ended; a failure of its own counts as 502 to 504. True if that changed
    whether the endpoint is to be used. ``may_go`` is asked only before an ejection."""
    bad = status >= 500
    standing.errors = standing.errors + 1 if bad else 0
    standing.gateway_errors = standing.gateway_errors + 1 if status in _GATEWAY_ERRORS else 0
    if standing.state in (DUE, PROBING):
        if bad:
            _eject(standing, policy, now)
        else:
            standing.state = IN
        return True
    if standing.state == OUT or not _too_many(standing, policy) or not may_go():
        return False
    _eject(standing, policy, now)
    return True


def sweep(standing: Standing, now: float) -> bool:
    """Look at an endpoint at the end of an interval. True if it is now owed its probe."""
    if standing.state == OUT and now >= standing.until:
        standing.state = DUE
        return True
    if standing.state == IN and standing.ejections and not standing.errors:
        standing.ejections -= 1
    return False


def _too_many(standing: Standing, policy: Outlier) -> bool:
    return (0 < policy.consecutive_5xx <= standing.errors) or (
        0 < policy.consecutive_gateway <= standing.gateway_errors
    )


def _eject(standing: Standing, policy: Outlier, now: float) -> None:
    standing.state = OUT
    standing.ejections += 1
    standing.errors = standing.gateway_errors = 0
    standing.until = now + min(policy.eject_max_ms, policy.eject_ms * standing.ejections) / 1000
