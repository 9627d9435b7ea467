"""What a snapshot holds of the database, field by field: what is not named here never leaves it.

No users, tokens, keys, passwords or receivers of notifications; of certificates what they show to everybody. Fields
that are left out get their default, or what ``BLANK`` says, when a snapshot is opened.
"""

from __future__ import annotations

from collections.abc import Mapping

TABLES: Mapping[str, tuple[str, ...]] = {
    "core.Mesh": ("id", "epoch", "revision", "trust_domain", "chain"),
    "core.Revision": ("number", "committed_at", "published_at", "applied_at", "failed_at", "error"),
    "core.Change": (
        *("id", "revision", "at", "actor", "action", "object", "namespace", "summary", "reason", "before", "after"),
        "digest",
    ),
    "catalog.Namespace": ("id", "name", "description", "created_at"),
    "catalog.Service": (
        *("id", "namespace", "name", "kind", "port", "description", "health_check", "created_at", "updated_at"),
        "revision",
    ),
    "catalog.Version": ("id", "service", "name", "weight"),
    "catalog.Proxy": (
        *("id", "name", "service", "version", "listeners", "admin", "locality", "node", "proxy_version", "joined_at"),
        *("last_seen_at", "certificate_not_after", "load"),
    ),
    "catalog.Instance": (
        *("id", "service", "version", "proxy", "address", "port", "weight", "locality", "metadata", "status"),
        *("critical_since", "draining", "ttl_s", "beating", "health_check", "check_passing", "check_output"),
        *("check_at", "registered_at", "last_seen_at"),
    ),
    "traffic.TrafficRules": ("id", "service", "routes", "resilience", "limits", "overlay", "owner", "released_at"),
    "traffic.GatewayHost": ("id", "gateway", "host", "service"),
    "security.Authority": (
        *("id", "kind", "state", "origin", "fingerprint", "certificate", "links", "root", "trusted"),
        *("not_before", "not_after", "created_at"),
    ),
    "security.IssuedCertificate": (
        *("id", "serial", "authority", "identity", "proxy_id", "actor", "not_before", "not_after", "issued_at"),
        *("replaced_at", "revoked_at"),
    ),
    "security.DeniedIdentity": ("id", "identity", "actor", "reason", "at"),
    "security.AccessPolicy": (
        *("id", "name", "namespace", "service", "action", "mode", "rules", "external", "description", "revision"),
        *("created_at", "updated_at"),
    ),
    "security.AccessSetting": ("id", "namespace", "service", "mtls", "default_action", "tokens", "revision"),
    "security.JwtProvider": (
        *("id", "name", "namespace", "issuer", "rules", "jwks_url", "refresh_s", "description"),
        *("fetched_at", "failing_since", "failures", "fetch_error", "next_fetch_at", "revision"),
        *("created_at", "updated_at"),
    ),
    "delivery.Published": ("resource", "kind", "name", "epoch", "revision", "version"),
    "delivery.RevisionResource": ("id", "revision", "resource", "epoch", "at_revision", "version"),
    "delivery.Applied": (
        *("resource", "proxy", "epoch", "revision", "version", "applied_at", "refused_epoch", "refused_revision"),
        *("refused_version", "refused_at", "error"),
    ),
    "delivery.CaughtUp": ("proxy", "epoch", "revision"),
    "telemetry.Objective": ("service", "availability", "latency_percent", "latency_ms"),
    "telemetry.Edge": (
        *("id", "source", "source_version", "destination", "destination_version", "protocol", "route", "instance"),
    ),
    "telemetry.Bucket": ("at", "seconds", "reports", "refused", "dropped"),
    "telemetry.Rollup": ("id", "at", "edge", "counts", "histogram", "flags"),
    "telemetry.CoarseBucket": ("id", "span_s", "at", "seconds"),
    "telemetry.CoarseRollup": ("id", "span_s", "at", "edge", "counts", "histogram", "flags"),
    "telemetry.PolicyRollup": (
        *("id", "at", "service", "policy", "allowed", "denied", "shadow_denied", "shadow_allowed", "failed"),
    ),
    "telemetry.LimitRollup": ("id", "at", "service", "route", "limit", "allowed", "limited"),
    "alerts.Alert": (
        *("id", "rule", "object", "severity", "namespace", "service", "title", "detail", "path", "since"),
        *("fires_at", "seen_at", "resolved_at"),
    ),
}

SINCE: Mapping[str, str] = {
    "telemetry.Bucket": "at__gte",
    "telemetry.Rollup": "at__gte",
    "telemetry.CoarseBucket": "at__gte",
    "telemetry.CoarseRollup": "at__gte",
    "telemetry.PolicyRollup": "at__gte",
    "telemetry.LimitRollup": "at__gte",
}
"""By which filter of these only the time asked for is taken."""

NEWEST: Mapping[str, tuple[str, int]] = {
    "core.Change": ("-id", 1_000),
    "core.Revision": ("-number", 1_000),
    "delivery.RevisionResource": ("-revision", 20_000),
    "alerts.Alert": ("-id", 1_000),
    "security.IssuedCertificate": ("-id", 20_000),
}
"""Of these so many of the newest, by an order, are taken."""

HIDDEN: Mapping[str, str] = {"core.Change": r"^(user|token|receiver|role):"}
"""Of these, rows whose object matches are left out: they are about people."""

BLANK: Mapping[str, Mapping[str, object]] = {
    "delivery.Published": {"body": b""},
    "security.Authority": {"sealed_key": b""},
}
"""What a field that is left out and has no default gets."""
