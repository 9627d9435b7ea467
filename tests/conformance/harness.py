"""What the conformance suite speaks through: an engine as a process that serves resources, and scripted peers on both
sides of it over real sockets. Nothing here knows how an engine works."""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.poll import until

TIMEOUT_S = 15.0
SERVICE = "shop/catalog"
HOST = "catalog.shop.mesh"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Conversation:
    """One TCP connection, blocking, with a deadline on every step."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(TIMEOUT_S)
        self._buffer = b""

    @classmethod
    def to(cls, port: int) -> Conversation:
        return cls(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S))

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end(self) -> None:
        """Half-close: no more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._receive()
        end = self._buffer.index(mark) + len(mark)
        data, self._buffer = self._buffer[:end], self._buffer[end:]
        return data

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def read_to_end(self) -> bytes:
        """Everything until the peer ends the connection, orderly or not."""
        with suppress(ConnectionError):
            while True:
                self._receive()
        data, self._buffer = self._buffer, b""
        return data

    def read_response(self, *, bodyless: bool = False) -> Response:
        """One response, by its own framing."""
        head = self.read_until(b"\r\n\r\n")
        response = Response(head)
        if bodyless or response.status in (204, 304) or response.status < 200:
            return response
        if response.headers.get("transfer-encoding") == "chunked":
            response.body, response.trailers = self.read_chunked()
        elif "content-length" in response.headers:
            response.body = self.read(int(response.headers["content-length"]))
        else:
            response.body = self.read_to_end()
        return response

    def read_chunked(self) -> tuple[bytes, bytes]:
        """A chunked body and the raw trailers after it."""
        body = b""
        while size := int(self.read_until(b"\r\n"), 16):
            body += self.read(size)
            assert self.read(2) == b"\r\n"
        trailers = b""
        while (line := self.read_until(b"\r\n")) != b"\r\n":
            trailers += line
        return body, trailers

    def digest(self, size: int) -> str:
        """SHA-256 of the next ``size`` bytes, however many."""
        digest = hashlib.sha256()
        while size:
            if not self._buffer:
                self._receive()
            piece, self._buffer = self._buffer[:size], self._buffer[size:]
            digest.update(piece)
            size -= len(piece)
        return digest.hexdigest()

    def read_chunked_digest(self) -> tuple[str, bytes]:
        """SHA-256 of a chunked body, and the raw trailers after it."""
        digest = hashlib.sha256()
        while size := int(self.read_until(b"\r\n"), 16):
            digest.update(self.read(size))
            assert self.read(2) == b"\r\n"
        trailers = b""
        while (line := self.read_until(b"\r\n")) != b"\r\n":
            trailers += line
        return digest.hexdigest(), trailers

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError(f"ended after {self._buffer[:200]!r}")
        self._buffer += data


class Response:
    """A response as a client sees it; header names in lower case."""

    def __init__(self, head: bytes) -> None:
        status, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.status = int(status.split(" ")[1])
        self.lines = lines
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        self.body = b""
        self.trailers = b""

    def json(self) -> Any:
        return json.loads(self.body)


class App:
    """A server that follows a script with every connection. A script that returns ends its connection."""

    def __init__(self, script: Callable[[Conversation], None]) -> None:
        self.script = script
        self.connections = 0
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A blocked accept keeps the socket alive; shutdown wakes it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._follow, args=(Conversation(connection),), daemon=True).start()

    def _follow(self, conversation: Conversation) -> None:
        with suppress(OSError), conversation:
            self.script(conversation)


def echo(name: str, heard: list[bytes] | None = None) -> Callable[[Conversation], None]:
    """An HTTP server that answers with what it was asked, as JSON, and its own name."""

    def script(client: Conversation) -> None:
        while True:
            head = client.read_until(b"\r\n\r\n")
            if heard is not None:
                heard.append(head)
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            method, target, _ = first.split(" ")
            headers = [[k.lower(), v.strip()] for k, _, v in (line.partition(":") for line in lines)]
            found = dict(headers)
            body, trailers = b"", b""
            if found.get("transfer-encoding") == "chunked":
                body, trailers = client.read_chunked()
            elif "content-length" in found:
                body = client.read(int(found["content-length"]))
            answer = json.dumps(
                {
                    "app": name,
                    "method": method,
                    "target": target,
                    "headers": headers,
                    "body": body.decode("latin-1"),
                    "trailers": trailers.decode("latin-1"),
                }
            ).encode()
            head_only = method == "HEAD"
            client.send(
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), b"" if head_only else answer)
            )

    return script


class Proxy:
    """An engine that serves resources until it is closed."""

    def __init__(
        self,
        folder: Path,
        resources: list[dict[str, Any]],
        *,
        tls: tuple[Path, Path, Path] | None = None,
        workers: int = 1,
        flags: Sequence[str] = (),
    ) -> None:
        self._file = folder / f"resources-{free_port()}.json"
        self._write(resources)
        self.admin = free_port()
        command = [sys.executable, "-m", "proxies", "run", "--resources", str(self._file)]
        command += ["--admin", f"127.0.0.1:{self.admin}", "--workers", str(workers), *flags]
        if tls is not None:
            command += ["--cert", str(tls[0]), "--key", str(tls[1]), "--ca", str(tls[2])]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        until(self._ready, "the proxy is ready")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def reload(self, resources: list[dict[str, Any]], *, revision: int = 0) -> None:
        """Replace the resources; with ``revision`` on the service, wait until it is in force."""
        self._write(resources)
        self.process.send_signal(signal.SIGHUP)
        if revision:
            until(lambda: revision in [r["revision"] for r in self.config()["resources"]], f"revision {revision}")

    def config(self) -> Any:
        return json.loads(self.page("config"))

    def page(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/{name}", timeout=TIMEOUT_S) as answer:
            return str(answer.read().decode())

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def count(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples that carry the labels."""
        total = 0.0
        for line in self.page("metrics").splitlines():
            name, _, rest = line.partition("{" if "{" in line else " ")
            if name == metric and all(f'{key}="{value}"' in rest for key, value in labels.items()):
                total += float(rest.rpartition(" ")[2])
        return total

    def _write(self, resources: list[dict[str, Any]]) -> None:
        self._file.write_text(json.dumps({"resources": resources}))

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        with suppress(OSError):
            return self.page("ready") == "ready\n"
        return False


# --- resources --------------------------------------------------------------------------------------------------


def proxy(*listeners: dict[str, Any], service: str = "shop/frontend", **body: Any) -> dict[str, Any]:
    return {
        "kind": "proxy",
        "name": "under-test",
        "body": {"service": service, "version": "v1", "listeners": list(listeners), **body},
    }


def gateway(port: int, *hosts: tuple[str, str]) -> dict[str, Any]:
    entries = [{"host": host, "service": service} for host, service in hosts or (("*", SERVICE),)]
    return {"kind": "gateway", "address": "127.0.0.1", "port": port, "hosts": entries}


def outbound(port: int, **more: Any) -> dict[str, Any]:
    return {"kind": "outbound", "port": port, **more}


def inbound(port: int, app_port: int, service: str = SERVICE) -> dict[str, Any]:
    return {"kind": "inbound", "address": "127.0.0.1", "port": port, "service": service, "app_port": app_port}


def service(
    split: dict[str, int],
    *,
    name: str = SERVICE,
    routes: list[dict[str, Any]] | None = None,
    revision: int = 0,
    **body: Any,
) -> dict[str, Any]:
    namespace, _, short = name.partition("/")
    weights = [{"version": version, "weight": weight} for version, weight in split.items()]
    return {
        "kind": "service",
        "name": name,
        "revision": revision,
        "body": {
            "hosts": [f"{short}.{namespace}.mesh"],
            "versions": list(split),
            "split": weights,
            "routes": [{"name": "default"}] if routes is None else routes,
            **body,
        },
    }


def endpoints(ports: dict[str, list[int]], *, name: str = SERVICE, **more: Any) -> dict[str, Any]:
    found = [
        {"id": f"{version}-{port}", "address": "127.0.0.1", "port": port, "version": version, **more}
        for version, numbers in ports.items()
        for port in numbers
    ]
    return {"kind": "endpoints", "name": name, "body": {"endpoints": found}}


def ask(
    port: int, path: str = "/", *, host: str = HOST, method: str = "GET", headers: str = "", body: bytes = b""
) -> Response:
    """One request on a connection of its own. ``headers`` are whole lines."""
    if body:
        headers += f"content-length: {len(body)}\r\n"
    with Conversation.to(port) as client:
        client.send(f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n".encode() + body)
        return client.read_response(bodyless=method == "HEAD")
