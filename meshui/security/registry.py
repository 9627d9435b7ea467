"""The registry's own credentials: with them it asks instances behind sidecars whether they are well.

A key pair of this process, never stored, certified like a proxy's and renewed at half its life.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.utils import timezone

from meshui.core.actors import system
from meshui.core.commits import current_mesh
from meshui.mesh.names import REGISTRY
from meshui.security.access import plaintext_services
from meshui.security.contexts import mutual
from meshui.security.services import authority_ensure, sign_csr, signing_root, trust_bundle


class RegistryCredentials:
    """``context`` is how to speak mTLS as the registry; None before the first ``refresh``. The caller compares the
    peer's identity, for TLS itself knows only host names. ``plaintext`` are the services whose sidecars speak none."""

    def __init__(self) -> None:
        self.context: ssl.SSLContext | None = None
        self.plaintext: frozenset[str] = frozenset()
        self._roots: list[str] = []
        self._signed_under: str | None = None
        self._renew_at: datetime | None = None

    def refresh(self) -> None:
        """Take new credentials where half their life is over, or the mesh's roots have changed, or which of them signs.
        Raises AuthorityUnavailable."""
        authority_ensure()
        self.plaintext = plaintext_services()
        roots, signing = trust_bundle(), signing_root()
        now = timezone.now()
        same = (roots, signing) == (self._roots, self._signed_under)
        if same and self._renew_at is not None and now < self._renew_at:
            return
        self.context = _context(roots)
        self._roots, self._signed_under = roots, signing
        self._renew_at = now + timedelta(seconds=settings.MESHUI.leaf_ttl_s / 2)


def _context(roots: list[str]) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    chain = sign_csr(
        csr_pem=csr.public_bytes(serialization.Encoding.PEM).decode(),
        identity=REGISTRY.identity(current_mesh().trust_domain),
        dns_names=[],
        proxy_id="",
        actor=system("registry"),
    )
    return mutual(chain, key, roots)
