"""Why a proxy answered, or ended an exchange, itself: Envoy's short names, so that its documentation applies."""

from __future__ import annotations

from typing import Final

NO_ROUTE: Final = "NR"
NO_CLUSTER: Final = "NC"
NO_HEALTHY_UPSTREAM: Final = "UH"
UPSTREAM_CONNECT_FAILURE: Final = "UF"
UPSTREAM_CONNECTION_CLOSED: Final = "UC"
UPSTREAM_PROTOCOL_ERROR: Final = "UPE"
UPSTREAM_TIMEOUT: Final = "UT"
UPSTREAM_OVERFLOW: Final = "UO"
RETRY_LIMIT_EXCEEDED: Final = "URX"
STREAM_IDLE_TIMEOUT: Final = "SI"
DOWNSTREAM_CLOSED: Final = "DC"
DOWNSTREAM_PROTOCOL_ERROR: Final = "DPE"
FAULT_INJECTED: Final = "FI"
RATE_LIMITED: Final = "RL"
RATE_LIMIT_ERROR: Final = "RLSE"
ACCESS_DENIED: Final = "UAEX"
UNSENT: Final = frozenset(
    {
        NO_ROUTE,
        NO_CLUSTER,
        NO_HEALTHY_UPSTREAM,
        UPSTREAM_CONNECT_FAILURE,
        UPSTREAM_OVERFLOW,
        FAULT_INJECTED,
        RATE_LIMITED,
        RATE_LIMIT_ERROR,
    }
)
"""Where one of these alone is said of a request that a caller's proxy took, no byte of it left the host."""
