"""Interception with real rules, in network namespaces of the test's own: an app that knows of no proxy."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import HOST, App, Conversation, Response, echo, endpoints, inbound, proxy, service
from tests.support.netns import Host, two_hosts, unavailable
from tests.support.poll import until

WHY_NOT = unavailable()
pytestmark = [pytest.mark.flow, pytest.mark.skipif(bool(WHY_NOT), reason=f"no network namespaces: {WHY_NOT}")]

APP_UID = 4321
HTTP, FRESH, MESH, SPEAKS_FIRST, BINARY, EXCLUDED, DATABASE = 8080, 8082, 8081, 2525, 9999, 8443, 5432
V4, V6, ADMIN, INBOUND, APP = 15002, 15003, 15020, 15006, 9000
OUTSIDE = "www.example.org"


class Server(App):
    """A scripted server on any address, listening where the thread that makes it is."""

    def __init__(self, script: Callable[[Conversation], None], port: int) -> None:
        self.script = script
        self.connections = 0
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = port
        threading.Thread(target=self._accept, daemon=True).start()


class Stage:
    """``near`` has an app and its proxy, ``far`` everything else."""

    def __init__(self, near: Host, far: Host, folder: Path) -> None:
        self.near, self.far = near, far
        self._folder = folder
        self._log = folder / "log"
        self.servers: dict[int, Server] = {}
        self._proxy: subprocess.Popen[bytes] | None = None

    def serve(self, host: Host, port: int, script: Callable[[Conversation], None]) -> None:
        self.servers[port] = host.run(lambda: Server(script, port))

    def start(self, egress: str) -> None:
        """Start the proxy, by the user whose connections the rules leave alone."""
        out = [
            {"kind": "outbound", "address": address, "port": port, "egress": egress, "transparent": True}
            for address, port in (("127.0.0.1", V4), ("::1", V6))
        ]
        receive = inbound(INBOUND, APP) | {"address": "0.0.0.0"}
        there: dict[str, Any] = {"address": self.far.ipv4}
        file = self._folder / f"{egress}.json"
        resources = [
            proxy(*out, receive, service="shop/catalog"),
            {"kind": "inbound", "name": "shop/catalog", "body": {"mtls": "disable"}},
            service({"v1": 1}),
            endpoints({"v1": [MESH]}, **there),
            service({"v1": 1}, name="shop/db", routes=[], protocol="tcp", port=DATABASE + 1),
            endpoints({"v1": [DATABASE]}, name="shop/db", **there),
        ]
        file.write_text(json.dumps({"resources": resources}))
        words = [sys.executable, "-m", "proxies", "run", "--resources", str(file), "--admin", f"127.0.0.1:{ADMIN}"]
        with self._log.open("ab") as log:
            self._proxy = subprocess.Popen(self.near.command(*words), stderr=log)
        until(self._ready, "the proxy is ready")

    def intercept(self, *words: str) -> None:
        done = subprocess.run(
            self.near.command(sys.executable, "-m", "proxies", "intercept", *words), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def end(self) -> None:
        assert self._proxy is not None
        self._proxy.kill()
        self._proxy.wait()

    def close(self) -> None:
        for server in self.servers.values():
            server.close()

    # --- what the app does

    def talk(self, address: str, port: int, script: Callable[[Conversation], Any]) -> Any:
        """One connection of the app's."""

        def run() -> Any:
            with Conversation(socket.create_connection((address, port), timeout=10)) as conversation:
                return script(conversation)

        return self.near.run(run, uid=APP_UID)

    def ask(self, address: str, port: int, host: str, body: bytes = b"") -> Response:
        def run(conversation: Conversation) -> Response:
            head = f"POST /p HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
            conversation.send(head.encode() + body)
            return conversation.read_response()

        response: Response = self.talk(address, port, run)
        return response

    def metrics(self) -> str:
        return self.near.run(lambda: page("metrics"))

    def _ready(self) -> bool:
        assert self._proxy is not None
        assert self._proxy.poll() is None, self._log.read_text()
        with suppress(OSError):
            return self.near.run(lambda: page("ready")) == "ready\n"
        return False


def page(name: str) -> str:
    with Conversation(socket.create_connection(("127.0.0.1", ADMIN), timeout=10)) as conversation:
        conversation.send(f"GET /{name} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        return conversation.read_response().body.decode()


def speaks_first(conversation: Conversation) -> None:
    conversation.send(b"220 hello\r\n")
    conversation.send(b"250 " + conversation.read_until(b"\r\n"))


def echo_bytes(conversation: Conversation) -> None:
    with suppress(ConnectionError):
        while data := conversation.socket.recv(65536):
            conversation.send(data)


def send(conversation: Conversation, data: bytes) -> None:
    with suppress(OSError):
        conversation.send(data)


def via(response: Response) -> bool:
    """Whether a proxy passed the request on."""
    return any(name == "via" for name, _ in response.json()["headers"])


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The hosts and the servers on them."""
    with two_hosts() as (near, far):
        stage = Stage(near, far, tmp_path_factory.mktemp("transparent"))
        stage.serve(far, HTTP, echo("outside"))
        stage.serve(far, FRESH, echo("outside"))
        stage.serve(far, MESH, echo("mesh"))
        stage.serve(far, EXCLUDED, echo("excluded"))
        stage.serve(far, SPEAKS_FIRST, speaks_first)
        stage.serve(far, BINARY, echo_bytes)
        stage.serve(far, DATABASE, echo_bytes)
        stage.serve(near, APP, echo("app"))
        yield stage
        stage.close()


RULES = ("--uid", "0", "--outbound", f"127.0.0.1:{V4}", "--outbound", f"[::1]:{V6}", "--exclude-port", str(EXCLUDED))
RECEIVE = ("--inbound-port", str(INBOUND), "--capture", str(APP))


@pytest.fixture(params=["allow", "deny"], scope="module")
def egress(request: pytest.FixtureRequest, wire: Stage) -> Iterator[str]:
    with ExitStack() as stack:
        stack.callback(wire.end)
        wire.start(request.param)
        wire.intercept(*RULES, *RECEIVE, "--apply")
        stack.callback(wire.intercept, "--remove")
        yield request.param


@pytest.fixture
def stage(wire: Stage, egress: str) -> Stage:
    return wire


@pytest.fixture
def far(stage: Stage) -> Iterator[Callable[[int], str]]:
    """The far host's address in one family."""
    return lambda version: stage.far.ipv4 if version == 4 else stage.far.ipv6


@pytest.mark.parametrize("version", [4, 6])
def test_a_host_of_the_mesh_is_routed_wherever_the_app_connects_to(
    stage: Stage, far: Callable[[int], str], version: int
) -> None:
    response = stage.ask(far(version), 80, HOST, b"x" * 200_000)  # nobody listens at port 80 there
    assert (response.status, response.json()["app"], len(response.json()["body"])) == (200, "mesh", 200_000)
    assert via(response)


@pytest.mark.parametrize("version", [4, 6])
def test_another_host_is_where_the_app_meant_to_connect_or_nowhere(
    stage: Stage, egress: str, far: Callable[[int], str], version: int
) -> None:
    response = stage.ask(far(version), HTTP, OUTSIDE)
    if egress == "deny":
        assert response.status == 502
        return
    assert (response.status, response.json()["app"]) == (200, "outside")
    assert ["host", OUTSIDE] in response.json()["headers"]
    assert via(response)


@pytest.mark.parametrize("version", [4, 6])
def test_a_server_that_speaks_first_is_reached(
    stage: Stage, egress: str, far: Callable[[int], str], version: int
) -> None:
    def mail(conversation: Conversation) -> bytes:
        greeting = conversation.read_until(b"\r\n")
        conversation.send(b"EHLO me\r\n")
        return greeting + conversation.read_until(b"\r\n")

    if egress == "deny":
        with pytest.raises(ConnectionError):
            stage.talk(far(version), SPEAKS_FIRST, mail)
    else:
        assert stage.talk(far(version), SPEAKS_FIRST, mail) == b"220 hello\r\n250 EHLO me\r\n"


def test_what_is_not_http_is_carried_as_it_is(stage: Stage, egress: str) -> None:
    data = b"\x16\x03\x01" + bytes(range(256)) * 4000

    def binary(conversation: Conversation) -> bytes:
        threading.Thread(target=send, args=(conversation, data)).start()
        return conversation.read(len(data))

    if egress == "deny":
        with pytest.raises(ConnectionError):
            stage.talk(stage.far.ipv4, BINARY, binary)
    else:
        assert stage.talk(stage.far.ipv4, BINARY, binary) == data


@pytest.mark.parametrize("port", [DATABASE, DATABASE + 1], ids=["an endpoint's port", "the service's port"])
def test_a_tcp_service_is_known_by_its_address(stage: Stage, port: int) -> None:
    def query(conversation: Conversation) -> bytes:
        conversation.send(b"select 1")
        return conversation.read(8)

    assert stage.talk(stage.far.ipv4, port, query) == b"select 1"
    assert 'destination_service="shop/db"' in stage.metrics()


def test_an_excluded_port_is_left_alone(stage: Stage) -> None:
    response = stage.ask(stage.far.ipv4, EXCLUDED, HOST)
    assert response.json()["app"] == "excluded"
    assert not via(response)


def test_an_address_where_nobody_listens_is_told_as_such(stage: Stage, egress: str) -> None:
    response = stage.ask(stage.far.ipv4, 81, OUTSIDE)
    assert response.status == (502 if egress == "deny" else 503)


def test_the_listener_is_a_proxy_to_those_who_know_it(stage: Stage) -> None:
    assert stage.ask("127.0.0.1", V4, HOST).json()["app"] == "mesh"
    assert stage.ask("::1", V6, HOST).json()["app"] == "mesh"


def test_loopback_is_left_alone(stage: Stage) -> None:
    response = stage.ask("127.0.0.1", APP, HOST)
    assert (response.json()["app"], via(response)) == ("app", False)


def test_what_comes_from_elsewhere_is_received_by_the_proxy(stage: Stage) -> None:
    def run() -> Response:
        with Conversation(socket.create_connection((stage.near.ipv4, APP), timeout=10)) as conversation:
            conversation.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            return conversation.read_response()

    response = stage.far.run(run)
    assert (response.json()["app"], via(response)) == ("app", True)


def test_a_client_that_ends_at_once_harms_nobody(stage: Stage) -> None:
    for ending in (Conversation.end, Conversation.reset):
        with suppress(OSError):
            stage.talk(stage.far.ipv4, HTTP, ending)
    assert stage.ask(stage.far.ipv4, 80, HOST).json()["app"] == "mesh"
    until(lambda: "mesh_proxy_connections 0\n" in stage.metrics(), "no connection is left")


def test_removed_rules_leave_nothing_behind(stage: Stage, egress: str) -> None:
    stage.intercept("--remove")
    stage.intercept("--remove")
    response = stage.ask(stage.far.ipv4, HTTP, HOST)
    assert (response.json()["app"], via(response)) == ("outside", False)
    stage.intercept(*RULES, *RECEIVE, "--apply")
    stage.intercept(*RULES, *RECEIVE, "--exclude", f"{stage.far.ipv4}/32", "--apply")
    assert not via(stage.ask(stage.far.ipv4, HTTP, HOST))
    assert stage.ask(stage.far.ipv6, HTTP, HOST).json()["app"] == "mesh"
    stage.intercept(*RULES, *RECEIVE, "--apply")
    assert stage.ask(stage.far.ipv4, HTTP, HOST).json()["app"] == "mesh"


def test_a_proxy_that_meets_itself_ends_it(stage: Stage, egress: str) -> None:
    """The rules name another user than the proxy's, so that what it sends comes back to it."""
    stage.intercept(*("--uid", "77", *RULES[2:]), "--apply")
    try:
        # At a port that the proxy keeps no connection to from before.
        assert stage.ask(stage.far.ipv4, FRESH, OUTSIDE).status == (502 if egress == "deny" else 508)
        with pytest.raises(ConnectionError):
            stage.talk(stage.far.ipv4, BINARY, lambda conversation: (conversation.send(b"\x00"), conversation.read(1)))
        until(lambda: "mesh_proxy_connections 0\n" in stage.metrics(), "no connection is left")
    finally:
        stage.intercept(*RULES, *RECEIVE, "--apply")
    assert stage.ask(stage.far.ipv4, 80, HOST).json()["app"] == "mesh"
