"""Why a proxy answered, or ended an exchange, itself: Envoy's short names, so that its documentation applies."""

from __future__ import annotations

NO_ROUTE = "NR"
NO_CLUSTER = "NC"
NO_HEALTHY_UPSTREAM = "UH"
UPSTREAM_CONNECT_FAILURE = "UF"
UPSTREAM_CONNECTION_CLOSED = "UC"
UPSTREAM_PROTOCOL_ERROR = "UPE"
UPSTREAM_TIMEOUT = "UT"
STREAM_IDLE_TIMEOUT = "SI"
DOWNSTREAM_CLOSED = "DC"
DOWNSTREAM_PROTOCOL_ERROR = "DPE"
