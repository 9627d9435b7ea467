"""Mutual TLS as this process speaks it, by credentials that are only in memory."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def mutual(
    chain: str, key: ec.EllipticCurvePrivateKey, roots: Sequence[str], *, server: bool = False
) -> ssl.SSLContext:
    """One side of mTLS by a PEM chain, leaf first. Any peer under the roots will do: host names mean nothing here,
    identities do, and whoever uses it compares them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata="".join(roots))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys from files alone
        file = Path(folder) / "credentials.pem"
        file.touch(mode=0o600)
        file.write_bytes(chain.encode() + secret)
        context.load_cert_chain(file)
    return context


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """A handshake in memory. Raises ssl.SSLError where either does not accept the other."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True))
    for _ in range(3):
        for side in sides:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    for side in sides:
        side.do_handshake()
