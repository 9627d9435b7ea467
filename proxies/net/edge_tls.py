"""TLS towards strangers: a gateway's own certificates, chosen by the name that a client asks for.

Certificates are files on the gateway; their keys never travel. Renewed files are taken up by themselves.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proxies.core.hosts import HostTable
from proxies.net.tls import ALPN
from proxies.wire.resources import GatewayCertificate

log = logging.getLogger("meshui.proxy")


class EdgeTls:
    """``context`` is for new connections; it is replaced when a file changes."""

    def __init__(self, certificates: Sequence[GatewayCertificate]) -> None:
        """Raises OSError (ssl.SSLError among them) or ValueError, naming the certificate that cannot be used."""
        self._certificates = certificates
        self._stamps = self._look()
        self.context = _context(certificates)

    def refresh(self) -> None:
        """Take up files that were renewed. Files that cannot be used leave the former in force."""
        try:
            stamps = self._look()
            if stamps == self._stamps:
                return
            self._stamps = stamps
            self.context = _context(self._certificates)
        except (OSError, ValueError) as error:
            log.error("certificates not renewed, the former stay: %s", error)

    def _look(self) -> list[tuple[int, int]]:
        files = [Path(file) for one in self._certificates for file in (one.certificate_file, one.key_file)]
        return [(stat.st_mtime_ns, stat.st_size) for stat in (file.stat() for file in files)]


def _context(certificates: Sequence[GatewayCertificate]) -> ssl.SSLContext:
    """The first certificate's context, which hands over to others by name."""
    contexts = [_load(certificate) for certificate in certificates]
    table = HostTable(
        (host, context)
        for certificate, context in zip(certificates, contexts, strict=True)
        for host in certificate.hosts
    )

    def choose(session: Any, name: str | None, _: ssl.SSLContext) -> int | None:
        session.requested_name = name
        if name is None:
            return None
        found = table.find(name.lower().encode())
        if found is None:
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        session.context = found
        return None

    contexts[0].sni_callback = choose  # type: ignore[assignment]
    return contexts[0]


def _load(certificate: GatewayCertificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 1
    try:
        # Without a password of our own OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate.certificate_file, certificate.key_file, password=lambda: b"")
    except OSError as error:
        raise OSError(f"{certificate.certificate_file}, {certificate.key_file}: {error}") from error
    return context
