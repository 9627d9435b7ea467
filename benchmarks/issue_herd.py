"""Many proxies that want a certificate at the same moment, for ``benchmarks.issue``.

    python -m benchmarks.issue_herd BASE < requests.json

Sends all requests at once, as proxies do: each gives up after the agent's time-out, waits as the agent's back-off
says, for at least as long as it was told to, and asks again until it has its certificate. Prints a JSON list of
``{"after_s", "attempts", "answer"}``. Requests are made and signed beforehand, and connections are plain asyncio: what
is measured is the control plane.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.control_plane import make_csr
from proxies.agent.backoff import Backoff
from proxies.agent.certify import TIMEOUT_S
from proxies.wire.join import JoinRequest, JoinResponse, RenewRequest, renew_payload
from proxies.wire.resources import OutboundListener

PASSING = (408, 425, 429)


@dataclass
class Proxy:
    """A proxy's name and key, and what it was given when it joined."""

    name: str
    key: ec.EllipticCurvePrivateKey
    id: str = ""
    certificate: str = ""

    @classmethod
    def read(cls, told: dict[str, str]) -> Proxy:
        key = serialization.load_pem_private_key(told["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(told["name"], key, told["id"], told["certificate"])

    def told(self) -> dict[str, str]:
        form = serialization.PrivateFormat.PKCS8
        pem = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
        return {"name": self.name, "key": pem, "id": self.id, "certificate": self.certificate}

    def join(self, token: str) -> JoinRequest:
        listeners = [OutboundListener(port=15001)]
        return JoinRequest(token=token, csr=make_csr(self.key), name=self.name, listeners=listeners)

    def joined(self, answer: JoinResponse) -> None:
        self.id, self.certificate = answer.proxy_id, answer.certificate

    def renewal(self) -> RenewRequest:
        csr, timestamp = make_csr(), int(time.time())
        signature = self.key.sign(renew_payload(self.id, csr, timestamp), ec.ECDSA(hashes.SHA256()))
        return RenewRequest(
            proxy_id=self.id, csr=csr, certificate=self.certificate, timestamp=timestamp, signature=signature.hex()
        )


def main() -> None:
    parts = urlsplit(sys.argv[1])
    path, bodies = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[str, list[msgspec.Raw]])
    print(json.dumps(asyncio.run(_herd(parts.hostname or "", parts.port or 80, parts.path + path, bodies))))


async def _herd(host: str, port: int, path: str, bodies: list[msgspec.Raw]) -> list[dict[str, Any]]:
    began = time.perf_counter()

    async def one(body: bytes) -> dict[str, Any]:
        backoff, attempts = Backoff(1, 15), 0
        while True:
            attempts += 1
            wait_s = 0.0
            try:
                status, wait_s, answer = await asyncio.wait_for(_post(host, port, path, body), TIMEOUT_S)
                if status == 200:
                    return {"after_s": time.perf_counter() - began, "attempts": attempts, "answer": json.loads(answer)}
                if status < 500 and status not in PASSING:
                    raise RuntimeError(f"{path} answered {status}: {answer[:300]!r}")
            except (TimeoutError, OSError, EOFError):
                pass
            await asyncio.sleep(backoff.delay(wait_s))

    return await asyncio.gather(*(one(bytes(body)) for body in bodies))


async def _post(host: str, port: int, path: str, body: bytes) -> tuple[int, float, bytes]:
    """Status, seconds to wait, and the body."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    if not answer:
        raise EOFError
    first, _, rest = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in first.decode("latin-1").split("\r\n")[1:])
    return int(first.split()[1]), float(fields.get("retry-after", 0)), rest


if __name__ == "__main__":
    main()
