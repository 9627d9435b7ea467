"""What a health check is: how an instance is asked, how often, and what its answers mean. Pure.

A check belongs to a service, or to one instance in place of its service's. ``http`` and ``tcp`` are probes that the
registry sends itself; ``ttl`` is the instance's own heartbeat.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from meshui.core.errors import InvalidInput

ACTIVE_KINDS = ("http", "tcp")
"""The kinds that send probes."""

Milliseconds = Annotated[int, Meta(ge=10, le=3_600_000)]
Threshold = Annotated[int, Meta(ge=1, le=100)]
Status = Annotated[int, Meta(ge=100, le=599)]
DeregisterAfter = Annotated[int, Meta(ge=1, le=30 * 86_400)]


class _Check(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """``deregister_after_s``: an instance that has been critical for so long is taken out of the registry."""

    deregister_after_s: DeregisterAfter | None = None


class TtlCheck(_Check, frozen=True, kw_only=True, tag="ttl"):
    """Critical after its ``ttl_s`` without a heartbeat: its proxy's reports, or its own."""


class _Probe(_Check, frozen=True, kw_only=True):
    """``unhealthy_after`` failures in a row make it critical, ``healthy_after`` successes passing; the first answer of
    all decides at once. ``port`` of None asks the instance's own. ``jitter`` is the share by which an interval varies.
    """

    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    interval_ms: Milliseconds = 10_000
    timeout_ms: Milliseconds = 2_000
    healthy_after: Threshold = 1
    unhealthy_after: Threshold = 3
    jitter: Annotated[float, Meta(ge=0, le=0.5)] = 0.1


class TcpCheck(_Probe, frozen=True, kw_only=True, tag="tcp"):
    """The connection is accepted."""


class HttpCheck(_Probe, frozen=True, kw_only=True, tag="http"):
    """GET ``path`` answers a status of ``status_min`` to ``status_max``. Redirects are not followed."""

    path: Annotated[str, Meta(pattern=r"^/[!-~]*$", max_length=1024)] = "/"
    status_min: Status = 200
    status_max: Status = 299


Check = HttpCheck | TcpCheck | TtlCheck
HEARTBEAT = TtlCheck()
"""What holds where nothing was set."""


def validated(check: Check | None) -> Any:
    """The check as JSON to store. Raises InvalidInput for rules that span fields."""
    if isinstance(check, HttpCheck) and check.status_min > check.status_max:
        raise InvalidInput.field("check.status_max", "range", "is less than status_min")
    if isinstance(check, HttpCheck | TcpCheck) and check.timeout_ms > check.interval_ms:
        raise InvalidInput.field("check.timeout_ms", "range", "is more than interval_ms")
    return None if check is None else msgspec.to_builtins(check)


def effective(service_check: Any, instance_check: Any) -> Check:
    """The check that holds for an instance, from what is stored of its service and of itself."""
    stored = service_check if instance_check is None else instance_check
    return HEARTBEAT if stored is None else msgspec.convert(stored, Check)  # type: ignore[call-overload, no-any-return]
