"""Obtaining a certificate, in a process of its own: make a key pair, prove it, ask the control plane, answer, end.

``python -m proxies.agent.certify`` reads an order on its standard input and writes the outcome to its standard output,
both JSON; no secret is ever an argument. The cryptography library takes 9 MB, which a sidecar would otherwise carry all
its life for one second's work in a day; and a control plane that hangs holds up nobody.
"""

from __future__ import annotations

import http.client
import ssl
import sys
from time import time
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxies.agent.orders import Granted, JoinOrder, Order, Outcome, Refused, RenewOrder
from proxies.wire.join import JoinRequest, JoinResponse, RenewRequest, RenewResponse, renew_payload

TIMEOUT_S = 10
MAX_ANSWER = 1 << 20
MAX_RETRY_AFTER_S = 600
PASSING = (408, 425, 429)
"""Client errors that a later attempt may not meet; so may any server error."""


class _Failure(Exception):
    def __init__(self, detail: str, *, final: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.final = final
        self.retry_after_s = retry_after_s


def certify(order: Order) -> Outcome:
    """Carry out an order; whatever goes wrong is part of the outcome."""
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        answer = _join(order, key) if isinstance(order, JoinOrder) else _renew(order, key)
        leaf = x509.load_pem_x509_certificate(answer.certificate.encode())
        if leaf.public_key() != key.public_key():
            raise _Failure("the control plane answered with a certificate of another key")
    except _Failure as error:
        return Refused(detail=str(error), final=error.final, retry_after_s=error.retry_after_s)
    except (OSError, http.client.HTTPException, ValueError, msgspec.DecodeError) as error:
        return Refused(detail=f"{order.url}: {error or type(error).__name__}", final=False)
    return Granted(
        answer=msgspec.to_builtins(answer),
        key=_private_pem(key),
        obtained_at=time(),
        not_after=leaf.not_valid_after_utc.timestamp(),
    )


def _join(order: JoinOrder, key: ec.EllipticCurvePrivateKey) -> JoinResponse:
    request = JoinRequest(
        token=order.token,
        csr=_csr(key),
        name=order.name,
        listeners=order.listeners,
        admin=order.admin,
        proxy_version=order.proxy_version,
        node=order.node,
        service=order.service,
        locality=order.locality,
        weight=order.weight,
    )
    return msgspec.json.decode(_post(order, "join", request), type=JoinResponse)


def _renew(order: RenewOrder, key: ec.EllipticCurvePrivateKey) -> RenewResponse:
    current = serialization.load_pem_private_key(order.key.encode(), None)
    if not isinstance(current, ec.EllipticCurvePrivateKey):
        raise _Failure("the current key is no elliptic curve key", final=True)
    csr, timestamp = _csr(key), int(time())
    signature = current.sign(renew_payload(order.proxy_id, csr, timestamp), ec.ECDSA(hashes.SHA256()))
    request = RenewRequest(
        proxy_id=order.proxy_id,
        csr=csr,
        certificate=order.certificate,
        timestamp=timestamp,
        signature=signature.hex(),
    )
    return msgspec.json.decode(_post(order, "renew", request), type=RenewResponse)


def _csr(key: ec.EllipticCurvePrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


# --- HTTP -------------------------------------------------------------------------------------------------------


def _post(order: Order, action: str, request: JoinRequest | RenewRequest) -> bytes:
    """The body of a good answer. Redirects are not followed and no HTTP_PROXY is used: it may be this very proxy."""
    parts = urlsplit(order.url)
    if parts.scheme == "https":
        tls = ssl.create_default_context(cafile=order.ca_file or None)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.netloc, timeout=TIMEOUT_S, context=tls
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        path = f"{parts.path.rstrip('/')}/api/v1/proxies/{action}/"
        connection.request("POST", path, msgspec.json.encode(request), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read(MAX_ANSWER)
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        final = 400 <= response.status < 500 and response.status not in PASSING
        later = _seconds(response.headers.get("Retry-After", ""))
        raise _Failure(f"{action} answered {response.status}: {_detail(body)}", final=final, retry_after_s=later)
    return body


def _seconds(text: str) -> float:
    """Of a Retry-After in seconds (RFC 9110 section 10.2.3), within reason; 0 for a date or none."""
    return float(min(int(text), MAX_RETRY_AFTER_S)) if text.isascii() and text.isdigit() else 0.0


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


def _detail(body: bytes) -> str:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return problem.detail or problem.title


def main() -> int:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=JoinOrder | RenewOrder)
    sys.stdout.buffer.write(msgspec.json.encode(certify(order)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
