"""SPIFFE identities as this mesh writes them: ``spiffe://{trust domain}/ns/{namespace}/svc/{name}``."""

from __future__ import annotations

import re

PROBER = "meshui/registry"
"""Who the control plane's registry is when it asks whether instances are well. Its namespace is nobody else's."""

_IDENTITY = re.compile(r"spiffe://([a-z0-9._-]{1,255})/ns/([a-z0-9-]{1,63})/svc/([a-z0-9-]{1,63})").fullmatch


def service_of(identity: str, trust_domain: str) -> str | None:
    """``namespace/name`` of an identity in the trust domain, or None for any other (an empty trust domain, not
    known yet, has no members)."""
    match = _IDENTITY(identity)
    if match is None or match[1] != trust_domain:
        return None
    return f"{match[2]}/{match[3]}"
