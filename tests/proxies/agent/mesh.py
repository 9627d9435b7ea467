"""A control plane as a proxy sees it, without Django: it signs certificates, and publishes to a real Valkey what a
test says. And the proxy as a process."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from meshui.config import embedded
from meshui.config.datadir import DataDir
from meshui.security import pki
from meshui.security.csr import proven_key
from proxies.wire import keys, reports
from proxies.wire import resources as wire
from proxies.wire.join import JoinRequest, JoinResponse, RenewRequest, RenewResponse, renew_payload
from tests.support.poll import until

TRUST_DOMAIN = "mesh.local"
SERVICE = "shop/catalog"
IDENTITY = f"spiffe://{TRUST_DOMAIN}/ns/shop/svc/catalog"
PROXY = "px-1"
LIMITS = Path(__file__).parents[3] / "meshui" / "delivery" / "limits.lua"
MASTER = b"m" * 32
PASSWORD = "proxy-password"


class Valkey:
    """A server of the test's own, to be killed."""

    def __init__(self, folder: Path, ports: range) -> None:
        self.server = embedded.valkey(DataDir(folder, ports))
        self._data = folder / "valkey"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.server.prepare()
        self._process = subprocess.Popen(self.server.command, stdout=subprocess.DEVNULL)
        until(self.server.ready, "Valkey is ready")

    def kill(self, *, lose_data: bool = False) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        if lose_data:
            for file in (self._data / "appendonlydir").glob("*"):
                file.unlink()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self._process is not None:
            self.kill()

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.server.url)

    @property
    def proxy_url(self) -> str:
        return "redis://" + self.server.url.rpartition("@")[2]

    def admit(self, proxy_id: str = PROXY, service: str = SERVICE, *, orders: bool = True) -> None:
        """Make a proxy's user; its rights are those that the wire's design names, and no others. Releases that knew no
        ``orders`` did not grant them."""
        followed = ["service:*", "endpoints:*", "trust", "directory", f"inbound:{service}", f"proxy:{proxy_id}"]
        rules = [
            *("reset", "on", f">{PASSWORD}"),
            *(f"%R~{keys.resource(key)}" for key in followed),
            f"%R~{keys.REVISION}",
            *(f"%W~{keys.ACK}", f"%W~{keys.telemetry(proxy_id)}"),
            *(f"&{keys.hint(key)}" for key in followed),
            *([f"&{keys.tap(service)}"] if orders else []),
            *("+get", "+mget", "+subscribe", "+psubscribe", "+xadd", "+hello", "+auth", "+ping"),
            f"(%RW~{keys.CALLED_LIMITS}* %RW~{keys.RECEIVED_LIMITS}{service}:* +fcall +get +set +time)",
        ]
        self.client.execute_command("FUNCTION LOAD", "REPLACE", LIMITS.read_text())
        self.client.execute_command("ACL SETUSER", proxy_id, *rules)
        self.client.execute_command("ACL SAVE")

    # --- publishing as delivery does

    def publish(self, *resources: wire.Resource, gone: tuple[str, ...] = (), hints: bool = True) -> None:
        revision = max(resource.revision for resource in resources)
        epoch = max(resource.epoch for resource in resources)
        encoded = {resource.key: wire.encode(resource) for resource in resources}
        with self.client.pipeline() as pipe:
            for key, data in encoded.items():
                pipe.set(keys.resource(key), data)
            for key in gone:
                pipe.delete(keys.resource(key))
            pipe.set(keys.REVISION, f"{epoch}:{revision}")
            pipe.execute()
        if hints:
            for key, data in encoded.items():
                self.client.publish(keys.hint(key), data)

    def acks(self) -> list[reports.Ack]:
        entries = self.client.xrange(keys.ACK)
        return [ack for _, fields in entries for ack in reports.read_acks(MASTER, fields).acks]

    def telemetry(self, proxy_id: str = PROXY) -> list[reports.Telemetry]:
        entries = self.client.xrange(keys.telemetry(proxy_id))
        return [reports.read_telemetry(MASTER, fields) for _, fields in entries]

    def acked(self, key: str, revision: int, status: str = "ack") -> reports.Ack:
        """Wait for this acknowledgement."""

        def found() -> reports.Ack | None:
            said = [a for a in self.acks() if (a.resource, a.revision, a.status) == (key, revision, status)]
            return said[0] if said else None

        ack = until(found, f"{status} of {key} at {revision}")
        assert ack is not None
        return ack


class ControlPlane:
    """Joins by the token ``good`` and renews; ``refuse`` makes it answer with that status instead."""

    def __init__(self, redis_url: str, leaf_ttl_s: float = 3600) -> None:
        now = datetime.now(UTC)
        self.leaf_lifetime = timedelta(seconds=leaf_ttl_s)
        self._root = pki.make_root(TRUST_DOMAIN, now)
        self._issuer = pki.make_intermediate(self._root, TRUST_DOMAIN, now, self.leaf_lifetime)
        self.bundle = [pki.pem(self._root.certificate)]
        self.redis_url = redis_url
        self.refuse = 0
        self.joins: list[JoinRequest] = []
        self.renewals: list[RenewRequest] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def certify(self, csr: str) -> str:
        now = datetime.now(UTC)
        leaf = pki.make_leaf(self._issuer, proven_key(csr), IDENTITY, [], now, self.leaf_lifetime)
        return pki.pem(leaf) + pki.pem(self._issuer.certificate)

    def join(self, request: JoinRequest) -> JoinResponse:
        self.joins.append(request)
        return JoinResponse(
            proxy_id=PROXY,
            service=SERVICE,
            version="v1",
            identity=IDENTITY,
            certificate=self.certify(request.csr),
            bundle=self.bundle,
            redis_url=self.redis_url,
            redis_username=PROXY,
            redis_password=PASSWORD,
            report_key=reports.proxy_key(MASTER, PROXY).hex(),
        )

    def renew(self, request: RenewRequest) -> RenewResponse:
        key = x509.load_pem_x509_certificate(request.certificate.encode()).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        payload = renew_payload(request.proxy_id, request.csr, request.timestamp)
        key.verify(bytes.fromhex(request.signature), payload, ec.ECDSA(hashes.SHA256()))
        self.renewals.append(request)
        return RenewResponse(certificate=self.certify(request.csr), bundle=self.bundle)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        plane = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if plane.refuse:
                    self._answer(plane.refuse, {"title": "No", "detail": "refused by the test"})
                elif self.path == "/api/v1/proxies/join/":
                    request = msgspec.json.decode(body, type=JoinRequest)
                    if request.token == "good":
                        self._answer(201, plane.join(request))
                    else:
                        self._answer(403, {"title": "No", "detail": "the token is used up"})
                elif self.path == "/api/v1/proxies/renew/":
                    self._answer(200, plane.renew(msgspec.json.decode(body, type=RenewRequest)))
                else:
                    self._answer(404, {"title": "Not found"})

            def _answer(self, status: int, answer: Any) -> None:
                data = msgspec.json.encode(answer)
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


# --- resources ----------------------------------------------------------------------------------------------------


def made(kind: str, name: str, body: Any, revision: int, epoch: int = 1) -> wire.Resource:
    return wire.RESOURCE_TYPES[kind](
        name=name, body=body, revision=revision, epoch=epoch, version=wire.content_hash(body)
    )


def service(name: str, revision: int, timeout_ms: int = 1000, epoch: int = 1) -> wire.Resource:
    body = wire.ServiceBody(
        hosts=[f"{name.split('/')[1]}.{name.split('/')[0]}.mesh"],
        versions=["v1"],
        split=[wire.WeightedVersion(version="v1", weight=100)],
        routes=[wire.Route(name="default")],
        identity=f"spiffe://{TRUST_DOMAIN}/ns/{name.replace('/', '/svc/')}",
        connect_timeout_ms=timeout_ms,
    )
    return made("service", name, body, revision, epoch)


def endpoints(name: str, revision: int, port: int, epoch: int = 1, tls: bool = False) -> wire.Resource:
    one = wire.Endpoint(id="i1", address="127.0.0.1", port=port, version="v1", tls=tls)
    return made("endpoints", name, wire.EndpointsBody(endpoints=[one]), revision, epoch)


def directory(names: list[str], revision: int, epoch: int = 1) -> wire.Resource:
    return made("directory", "", wire.DirectoryBody(services=sorted(names)), revision, epoch)


def trust(bundle: list[str], revision: int, epoch: int = 1) -> wire.Resource:
    return made("trust", "", wire.TrustBody(trust_domain=TRUST_DOMAIN, bundle=bundle), revision, epoch)


def proxy(listeners: list[wire.Listener], revision: int, epoch: int = 1) -> wire.Resource:
    body = wire.ProxyBody(service=SERVICE, version="v1", identity=IDENTITY, listeners=listeners, drain_ms=2000)
    return made("proxy", PROXY, body, revision, epoch)


def inbound(revision: int, mtls: Any = "strict", epoch: int = 1) -> wire.Resource:
    return made("inbound", SERVICE, wire.InboundBody(mtls=mtls), revision, epoch)


# --- the process --------------------------------------------------------------------------------------------------


@contextmanager
def sidecar(plane_url: str, folder: Path, *arguments: str, token: str = "good") -> Iterator[subprocess.Popen[bytes]]:
    """A proxy process with its state in ``folder``, killed at the end. Its log is ``folder/log``."""
    folder.mkdir(exist_ok=True)
    token_file = folder / "token"
    token_file.write_text(token)
    command = [sys.executable, "-m", "proxies", "run", "--join", plane_url, "--name", "catalog-1"]
    command += ["--token-file", str(token_file), "--state", str(folder / "state"), *arguments]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


def key_of(state: Path) -> str:
    """A fingerprint of what the state folder holds."""
    return hashlib.sha256((state / "identity.msgpack").read_bytes()).hexdigest()


def mode(path: Path) -> int:
    return os.stat(path).st_mode & 0o777
