"""The proxy of a service behind access policies, and callers with certificates of their own."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.conformance.harness import SERVICE, App, Conversation, Proxy, Response, echo, free_port, proxy
from tests.support.pki import Authority

FRONTEND, CART, PROBER = "shop/frontend", "shop/cart", "meshui/registry"
REVISIONS = count(1)


def deny(*rules: dict[str, Any], name: str = "no", **more: Any) -> dict[str, Any]:
    return {"name": name, "action": "deny", "rules": list(rules), **more}


def allow(*rules: dict[str, Any], name: str = "yes", **more: Any) -> dict[str, Any]:
    return {"name": name, "action": "allow", "rules": list(rules), **more}


class Guarded:
    """The proxy of ``shop/catalog``, which receives HTTP and TCP, and callers with certificates of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority()
        self.app, self.db = App(echo("app")), App(lambda client: client.send(client.read_until(b"\n")))
        self.http, self.tcp = free_port(), free_port()
        identity = "spiffe://test.mesh/ns/shop/svc/catalog"
        self.engine = Proxy(folder, self.resources(), tls=self.authority.write(folder / "own", identity))
        self._contexts: dict[str, ssl.SSLContext] = {}

    def resources(self, **body: Any) -> list[dict[str, Any]]:
        def listener(port: int, app: int, protocol: str) -> dict[str, Any]:
            where = {"address": "127.0.0.1", "port": port, "app_port": app}
            return {"kind": "inbound", "service": SERVICE, "protocol": protocol, **where}

        return [
            proxy(
                listener(self.http, self.app.port, "http"),
                listener(self.tcp, self.db.port, "tcp"),
                service=SERVICE,
            ),
            {"kind": "trust", "body": {"trust_domain": "test.mesh", "bundle": [self.authority.root]}},
            {"kind": "inbound", "name": SERVICE, "revision": next(REVISIONS), "body": body},
        ]

    def receive(self, *policies: dict[str, Any], **body: Any) -> None:
        """Put these policies into force."""
        resources = self.resources(policies=list(policies), **body)
        self.engine.reload(resources, revision=resources[-1]["revision"])

    def context(self, caller: str) -> ssl.SSLContext:
        if caller not in self._contexts:
            namespace, _, name = caller.partition("/")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(cadata=self.authority.root)
            chain, key = self.authority.issue(f"spiffe://test.mesh/ns/{namespace}/svc/{name}")
            file = self.folder / f"{name}.pem"
            file.write_text(key + chain)
            context.load_cert_chain(file)
            self._contexts[caller] = context
        return self._contexts[caller]

    def open(self, caller: str, port: int) -> Conversation:
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        return Conversation(self.context(caller).wrap_socket(raw))

    def call(self, target: str = "/", *, caller: str = FRONTEND, method: str = "GET", fields: str = "") -> Response:
        """One request over mTLS. ``fields`` are whole lines; without one, the host is ``a``."""
        host = "" if "host:" in fields.lower() else "host: a\r\n"
        with self.open(caller, self.http) as client:
            client.send(f"{method} {target} HTTP/1.1\r\n{host}{fields}\r\n".encode("latin-1"))
            return client.read_response()

    def speaks_tcp(self, caller: str = FRONTEND) -> bool:
        with suppress(OSError), self.open(caller, self.tcp) as client:
            client.send(b"hello\n")
            return client.read_until(b"\n") == b"hello\n"
        return False

    def close(self) -> None:
        self.engine.close()
        self.app.close()
        self.db.close()
