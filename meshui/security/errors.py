"""What the authority refuses, and why it may be unable to sign."""

from __future__ import annotations

from meshui.core.errors import MeshError


class AuthorityUnavailable(MeshError):
    """Nothing can be signed until an operator acts; the detail says how."""

    status, code, title = 503, "authority_unavailable", "The certificate authority cannot sign"


class CertificateRefused(MeshError):
    """A certificate that does not prove who its holder is."""

    status, code, title = 403, "certificate_refused", "Certificate refused"
