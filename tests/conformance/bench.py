"""A gateway in front of instances that misbehave as told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conformance.harness import App, Conversation, Proxy, ask, endpoints, free_port, gateway, proxy, service

Script = Callable[[Conversation], None]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
EAGER = {"backoff_ms": 1, "backoff_max_ms": 1}
NO_EJECTION: dict[str, Any] = {"outlier": None}


class Bench:
    """A gateway in front of instances that follow scripts, all of version v1."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.apps: list[App] = []
        self._revision = 0
        self.proxy = Proxy(folder, [proxy(gateway(self.port)), service({"v1": 1})])

    def serve(self, *scripts: Script, retry: dict[str, Any] | None = None, **body: Any) -> list[App]:
        """Put instances with these scripts behind the gateway."""
        apps = [App(script) for script in scripts]
        self.apps += apps
        self.place([app.port for app in apps], retry=retry, **body)
        return apps

    def place(self, ports: list[int], *, retry: dict[str, Any] | None = None, places: Any = None, **body: Any) -> None:
        self._revision += 1
        timeouts = body.pop("timeouts", {})
        listeners = body.pop("proxy", {})
        routes = [{"name": "default", "retry": retry or {}, "timeouts": timeouts}]
        resources = [
            proxy(gateway(self.port), drain_ms=1000, **listeners),
            places or endpoints({"v1": ports}),
            service({"v1": 1}, revision=self._revision, routes=routes, **body),
        ]
        self.proxy.reload(resources, revision=self._revision)

    def ask(self, count: int, **request: Any) -> Counter[int]:
        return Counter(ask(self.port, **request).status for _ in range(count))

    def retries(self) -> float:
        return self.proxy.count("mesh_request_retries_total")

    def close(self) -> None:
        self.proxy.close()
        for app in self.apps:
            app.close()


def answering(answer: bytes, heard: list[bytes] | None = None) -> Script:
    """Reads a head (and a body of known length) and gives this answer, again and again."""

    def script(client: Conversation) -> None:
        while True:
            head = client.read_until(b"\r\n\r\n")
            _, found, rest = head.lower().partition(b"content-length:")
            body = client.read(int(rest.split()[0])) if found else b""
            if heard is not None:
                heard.append(head + body)
            client.send(answer)

    return script


def status(code: int) -> Script:
    return answering(b"HTTP/1.1 %d Text\r\ncontent-length: 0\r\n\r\n" % code)


def failing(code: int) -> Script:
    """Fails one request of a connection."""

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 %d Text\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % code)

    return script


def dying(client: Conversation) -> None:
    client.read_until(b"\r\n\r\n")
    client.reset()


def garbage(client: Conversation) -> None:
    client.read_until(b"\r\n\r\n")
    client.send(b"\x00\x01 what is this\r\n\r\n")
    client.read_to_end()


def many_fields(client: Conversation) -> None:
    client.read_until(b"\r\n\r\n")
    client.send(b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: 1\r\n" % n for n in range(101)) + b"\r\n")
    client.read_to_end()


def hanging(client: Conversation) -> None:
    client.read_to_end()
