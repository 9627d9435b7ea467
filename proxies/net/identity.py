"""Who the peer of a TLS connection proved to be."""

from __future__ import annotations

import ssl
from time import time
from typing import Any


class IdentityError(ssl.SSLError):
    """The peer's certificate is valid and names somebody else."""


def peer_identity(session: ssl.SSLObject) -> tuple[str, str]:
    """The one URI SAN of the peer's certificate, and its serial. Raises IdentityError for none or several, and for a
    certificate that a resumed session carried past its end."""
    certificate: dict[str, Any] = session.getpeercert() or {}
    uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    if len(uris) != 1:
        raise IdentityError("the peer's certificate has no single URI name")
    if ssl.cert_time_to_seconds(certificate["notAfter"]) < time():
        raise IdentityError("the peer's certificate has expired")
    return str(uris[0]), str(certificate["serialNumber"]).lower().lstrip("0")
