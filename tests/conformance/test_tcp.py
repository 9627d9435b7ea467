"""TCP services: connections carried on whole, both ways, over mutual TLS between proxies."""

from __future__ import annotations

import hashlib
import math
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import App, Conversation, Proxy, ask, endpoints, free_port, outbound, proxy, service
from tests.support.pki import Authority
from tests.support.poll import until

DB = "shop/db"
CALLER = "spiffe://test.mesh/ns/shop/svc/frontend"
CALLEE = "spiffe://test.mesh/ns/shop/svc/db"
MB = 1 << 20
EDGE = {"source_service": "shop/frontend", "destination_service": DB}


def tcp(port: int, name: str = DB) -> dict[str, Any]:
    return {"kind": "tcp", "port": port, "service": name}


def tcp_service(split: dict[str, int], **body: Any) -> dict[str, Any]:
    return service(split, name=DB, routes=[], protocol="tcp", port=5432, **body)


def inbound(port: int, app_port: int) -> dict[str, Any]:
    listener = {"kind": "inbound", "address": "127.0.0.1", "port": port, "service": DB, "app_port": app_port}
    return {**listener, "protocol": "tcp"}


def echo(client: Conversation) -> None:
    while data := client.socket.recv(65536):
        client.send(data)


def named(name: str) -> Callable[[Conversation], None]:
    """Says its name at once, as servers that speak first do, and reads to the end."""

    def script(client: Conversation) -> None:
        client.send(f"{name}\n".encode())
        client.read_to_end()

    return script


def refused(port: int) -> bool:
    """Whether a connection is cut off before a byte came."""
    with suppress(OSError), Conversation.to(port) as client:
        return client.socket.recv(1) == b""
    return True


def accepts(port: int) -> bool:
    with suppress(ConnectionRefusedError), Conversation.to(port):
        return True
    return False


class Plain:
    """A caller's proxy in front of apps without proxies."""

    def __init__(self, folder: Path, apps: dict[str, list[int]], split: dict[str, int], **body: Any) -> None:
        self.port = free_port()
        self._body = body
        self.proxy = Proxy(folder, self.resources(apps, split))

    def resources(self, apps: dict[str, list[int]], split: dict[str, int], revision: int = 0) -> list[dict[str, Any]]:
        body = {"revision": revision, **self._body}
        return [proxy(tcp(self.port), drain_ms=5000), tcp_service(split, **body), endpoints(apps, name=DB)]

    def reload(self, apps: dict[str, list[int]], split: dict[str, int], revision: int) -> None:
        self.proxy.reload(self.resources(apps, split, revision), revision=revision)

    def count(self, metric: str, **labels: str) -> float:
        return self.proxy.count(metric, reporter="source", **EDGE, **labels)

    def close(self) -> None:
        self.proxy.close()


class Pair:
    """A caller's proxy and, over mutual TLS, the proxy of ``shop/db`` in front of an app."""

    def __init__(self, folder: Path, app_port: int, *, expected: str = CALLEE) -> None:
        self.authority = Authority()
        self.port, self.inbound = free_port(), free_port()
        trust = {"kind": "trust", "body": {"trust_domain": "test.mesh", "bundle": [self.authority.root]}}
        self.callee = Proxy(
            folder,
            [proxy(inbound(self.inbound, app_port), service=DB), trust],
            tls=self.authority.write(folder / "callee", CALLEE),
        )
        self.caller = Proxy(
            folder,
            [
                proxy(tcp(self.port)),
                tcp_service({"v1": 1}, identity=expected),
                endpoints({"v1": [self.inbound]}, name=DB, tls=True),
                trust,
            ],
            tls=self.authority.write(folder / "caller", CALLER),
        )

    def close(self) -> None:
        self.caller.close()
        self.callee.close()


@pytest.fixture(scope="module")
def apps() -> Iterator[list[App]]:
    """Things to close at the end of the module."""
    made: list[App] = []
    yield made
    for app in made:
        app.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, apps: list[App]) -> Iterator[Plain]:
    app = App(echo)
    apps.append(app)
    made = Plain(tmp_path_factory.mktemp("plain"), {"v1": [app.port]}, {"v1": 1})
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, apps: list[App]) -> Iterator[Pair]:
    app = App(echo)
    apps.append(app)
    made = Pair(tmp_path_factory.mktemp("pair"), app.port)
    yield made
    made.close()


@pytest.fixture(params=["plain", "mtls"])
def way(request: pytest.FixtureRequest, plain: Plain, pair: Pair) -> int:
    """A port that leads to an echo, directly or over mutual TLS."""
    return plain.port if request.param == "plain" else pair.port


def test_bytes_come_back(way: int) -> None:
    with Conversation.to(way) as client:
        for size in (1, 1000, 100_000):
            sent = bytes(range(256)) * (size // 256 + 1)
            client.send(sent)
            assert client.read(len(sent)) == sent


# --- ends


def test_an_end_of_sending_is_passed_on_and_the_answer_still_comes(way: int) -> None:
    with Conversation.to(way) as client:
        client.send(b"all there is")
        client.end()
        assert client.read_to_end() == b"all there is"


def answers_after_its_end(client: Conversation) -> None:
    """Ends its sending first, then says in a file what it still heard."""
    client.send(b"that is all")
    client.end()
    heard = client.read_to_end()
    LATE.append(heard)


LATE: list[bytes] = []


@pytest.mark.parametrize("secured", [False, True])
def test_a_server_may_end_its_sending_first(tmp_path: Path, secured: bool) -> None:
    app = App(answers_after_its_end)
    made = Pair(tmp_path, app.port) if secured else Plain(tmp_path, {"v1": [app.port]}, {"v1": 1})
    LATE.clear()
    try:
        with Conversation.to(made.port) as client:
            assert client.read_to_end() == b"that is all"
            client.send(b"and yet ")
            client.send(b"it hears")
            client.end()
            until(lambda: LATE == [b"and yet it hears"], "the server has heard the rest")
    finally:
        made.close()
        app.close()


@pytest.mark.parametrize("secured", [False, True])
def test_a_server_that_speaks_first_is_heard(tmp_path: Path, secured: bool) -> None:
    app = App(named("first"))
    made = Pair(tmp_path, app.port) if secured else Plain(tmp_path, {"v1": [app.port]}, {"v1": 1})
    try:
        for _ in range(20):
            with Conversation.to(made.port) as client:
                assert client.read_until(b"\n") == b"first\n"
    finally:
        made.close()
        app.close()


@pytest.mark.parametrize("secured", [False, True])
def test_a_reset_stays_a_reset(tmp_path: Path, secured: bool) -> None:
    lost: list[str] = []

    def script(client: Conversation) -> None:
        if client.read(5) == b"break":
            client.reset()
        else:
            try:
                client.socket.recv(1)
                lost.append("orderly")
            except ConnectionResetError:
                lost.append("reset")

    app = App(script)
    made = Pair(tmp_path, app.port) if secured else Plain(tmp_path, {"v1": [app.port]}, {"v1": 1})
    try:
        with Conversation.to(made.port) as client:
            client.send(b"break")
            with pytest.raises(ConnectionResetError):
                client.socket.recv(1)
        with Conversation.to(made.port) as client:
            client.send(b"stay!")
            until(lambda: app.connections == 2, "it is connected")
            client.reset()
        until(lambda: lost, "the server notices")
        assert lost == ["reset"]
    finally:
        made.close()
        app.close()


# --- much, and slowly


def _send_much(client: Conversation, size: int) -> str:
    """Send so many bytes; their SHA-256."""
    digest, piece = hashlib.sha256(), bytes(range(256)) * 256
    for _ in range(size // len(piece)):
        digest.update(piece)
        client.send(piece)
    client.end()
    return digest.hexdigest()


@pytest.mark.parametrize("secured", [False, True])
def test_a_hundred_megabytes_each_way_in_constant_memory(secured: bool, plain: Plain, pair: Pair) -> None:
    proxies = [pair.caller, pair.callee] if secured else [plain.proxy]
    before = [proxy.rss_mb() for proxy in proxies]
    with Conversation.to(pair.port if secured else plain.port) as client:
        sent: list[str] = []
        sender = threading.Thread(target=lambda: sent.append(_send_much(client, 100 * MB)))
        sender.start()
        received = client.digest(100 * MB)
        sender.join()
    assert sent == [received]
    grown = [proxy.rss_mb() - rss for proxy, rss in zip(proxies, before, strict=True)]
    assert max(grown) < 16, f"{grown} MB more"


def _push(client: Conversation, most: int) -> int:
    """Send until nobody takes any more, or all of it is gone; the bytes that were taken."""
    client.socket.setblocking(False)
    taken, quiet = 0, 0
    piece = b"x" * 65536
    while taken < most and quiet < 20:
        try:
            taken += client.socket.send(piece)
            quiet = 0
        except BlockingIOError:
            quiet += 1
            threading.Event().wait(0.02)
    return taken


@pytest.mark.parametrize("secured", [False, True])
def test_who_does_not_read_holds_up_the_other_and_costs_no_memory(tmp_path: Path, secured: bool) -> None:
    go = threading.Event()
    heard: list[int] = []

    def script(client: Conversation) -> None:
        go.wait(30)
        heard.append(len(client.read_to_end()))

    app = App(script)
    made = Pair(tmp_path, app.port) if secured else Plain(tmp_path, {"v1": [app.port]}, {"v1": 1})
    proxies = [made.caller, made.callee] if isinstance(made, Pair) else [made.proxy]
    try:
        with Conversation.to(made.port) as client:
            before = [proxy.rss_mb() for proxy in proxies]
            taken = _push(client, 200 * MB)
            assert taken < 100 * MB
            assert max(proxy.rss_mb() - rss for proxy, rss in zip(proxies, before, strict=True)) < 16
            go.set()
            client.socket.setblocking(True)
            client.end()
            assert client.read_to_end() == b""
        assert heard == [taken]
    finally:
        go.set()
        made.close()
        app.close()


# --- who, and how it is counted


def test_both_sides_count_by_identity_and_bytes_count_while_it_is_open(pair: Pair) -> None:
    def count(metric: str, **labels: str) -> list[float]:
        return [
            pair.caller.count(metric, reporter="source", security="mtls", **EDGE, **labels),
            pair.callee.count(metric, reporter="destination", security="mtls", **EDGE, **labels),
        ]

    opened = count("mesh_tcp_connections_total", response_flags="")
    closed = count("mesh_tcp_connections_closed_total", response_flags="")
    sent, received = count("mesh_tcp_sent_bytes_total"), count("mesh_tcp_received_bytes_total")
    with Conversation.to(pair.port) as client:
        client.send(b"x" * 1000)
        client.read(1000)
        assert count("mesh_tcp_connections_total", response_flags="") == [n + 1 for n in opened]
        assert count("mesh_tcp_sent_bytes_total") == [n + 1000 for n in sent]
        assert count("mesh_tcp_received_bytes_total") == [n + 1000 for n in received]
        assert count("mesh_tcp_connections_closed_total", response_flags="") == closed
        assert "mesh_proxy_connections 1" in pair.callee.page("metrics")
    ended = [n + 1 for n in closed]
    until(lambda: count("mesh_tcp_connections_closed_total", response_flags="") == ended, "both count its end")
    assert count("mesh_tcp_connection_duration_seconds_count") == count("mesh_tcp_connections_closed_total")
    assert pair.caller.count("mesh_requests_total") == 0


def test_strangers_reach_no_app(tmp_path: Path) -> None:
    app = App(echo)
    made = Pair(tmp_path, app.port)
    try:
        with Conversation.to(made.inbound) as client:
            client.send(b"in the clear")
            assert b"clear" not in client.read_to_end()
        for authority, name in ((Authority(), CALLER), (made.authority, "spiffe://other.mesh/ns/shop/svc/frontend")):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(cadata=made.authority.root)
            chain, key = authority.issue(name)
            (tmp_path / "client.pem").write_text(key + chain)
            context.load_cert_chain(tmp_path / "client.pem")
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", made.inbound), timeout=10) as raw,
                context.wrap_socket(raw) as secured,
            ):
                secured.sendall(b"hello")
                assert secured.recv(5) == b""
        assert app.connections == 0
    finally:
        made.close()
        app.close()


def test_a_server_with_another_identity_gets_no_byte(tmp_path: Path) -> None:
    app = App(echo)
    made = Pair(tmp_path, app.port, expected="spiffe://test.mesh/ns/shop/svc/payments")
    try:
        assert refused(made.port)
        assert made.caller.count("mesh_tcp_connections_total", response_flags="UF", **EDGE) == 1
        assert app.connections == 0
    finally:
        made.close()
        app.close()


def test_a_server_without_its_app_is_a_failure_on_both_sides(tmp_path: Path) -> None:
    made = Pair(tmp_path, free_port())
    try:
        for _ in range(5):
            assert refused(made.port)
        failed = {"caller": "UC", "callee": "UF"}
        for name, flag in failed.items():
            count = partial(getattr(made, name).count, "mesh_tcp_connections_total", **EDGE)
            until(lambda count=count, flag=flag: count(response_flags=flag) == 5, f"the {name} counts failures")
            assert count(response_flags="") == 0
        assert made.caller.count("mesh_upstream_endpoints_ejected") == 1
    finally:
        made.close()


def test_plaintext_where_the_service_says_so(tmp_path: Path) -> None:
    app, port = App(echo), free_port()
    resources = [
        proxy(inbound(port, app.port), service=DB),
        {"kind": "inbound", "name": DB, "body": {"mtls": "disable"}},
    ]
    engine = Proxy(tmp_path, resources)
    try:
        with Conversation.to(port) as client:
            client.send(b"hello")
            assert client.read(5) == b"hello"
        edge = {"reporter": "destination", "source_service": "unknown", "security": "none"}
        assert engine.count("mesh_tcp_connections_total", destination_service=DB, **edge) == 1
    finally:
        engine.close()
        app.close()


# --- choosing


def names(port: int, count: int) -> list[str]:
    """Who answers each of so many connections, one after the other."""
    found = []
    for _ in range(count):
        with Conversation.to(port) as client:
            found.append(client.read_until(b"\n").decode().strip())
    return found


class Choices:
    """Apps that say their names, as endpoints of two versions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.apps: list[App] = []
        self.made: list[Plain] = []

    def app(self, name: str) -> int:
        app = App(named(name))
        self.apps.append(app)
        return app.port

    def plain(self, apps: dict[str, list[int]], split: dict[str, int] | None = None, **body: Any) -> Plain:
        made = Plain(self.folder, apps, split or {"v1": 1}, **body)
        self.made.append(made)
        return made


@pytest.fixture
def choices(tmp_path: Path) -> Iterator[Choices]:
    made = Choices(tmp_path)
    yield made
    for each in made.made:
        each.close()
    for app in made.apps:
        app.close()


def test_versions_take_their_share(choices: Choices) -> None:
    made = choices.plain({"v1": [choices.app("v1")], "v2": [choices.app("v2")]}, {"v1": 90, "v2": 10})
    tries = 1000
    share = names(made.port, tries).count("v2")
    # Five standard deviations: wrong once in two million runs.
    assert abs(share - 0.1 * tries) < 5 * math.sqrt(tries * 0.1 * 0.9)
    assert made.count("mesh_tcp_connections_total", destination_version="v2", response_flags="") == share


def test_round_robin_takes_turns(choices: Choices) -> None:
    ports = [choices.app("a"), choices.app("b"), choices.app("c")]
    found = names(choices.plain({"v1": ports}, balancer={"policy": "round_robin"}).port, 30)
    assert {name: found.count(name) for name in "abc"} == dict.fromkeys("abc", 10)


def test_maglev_keeps_a_caller_at_one_endpoint(choices: Choices) -> None:
    ports = [choices.app(name) for name in "abcd"]
    assert len(set(names(choices.plain({"v1": ports}, balancer={"policy": "maglev"}).port, 20))) == 1


def test_open_connections_are_spread(choices: Choices) -> None:
    made = choices.plain({"v1": [choices.app("a"), choices.app("b")]})
    open_: list[Conversation] = []
    try:
        found = []
        for _ in range(40):
            open_.append(Conversation.to(made.port))
            found.append(open_[-1].read_until(b"\n"))
        # At random 40 connections would be further apart than this in one run of seven; the less busy of two is not.
        assert abs(found.count(b"a\n") - 20) <= 4
    finally:
        for client in open_:
            client.socket.close()


def test_an_endpoint_that_goes_keeps_what_is_open(choices: Choices) -> None:
    first = App(echo)
    choices.apps.append(first)
    made = choices.plain({"v1": [first.port]})
    with Conversation.to(made.port) as client:
        client.send(b"before")
        assert client.read(6) == b"before"
        made.reload({"v1": [choices.app("second")]}, {"v1": 1}, 7)
        assert names(made.port, 5) == ["second"] * 5
        client.send(b"after")
        assert client.read(5) == b"after"


# --- guards


def test_above_the_breaker_connections_are_refused(choices: Choices) -> None:
    made = choices.plain({"v1": [choices.app("a")]}, breaker={"connections": 2})
    with Conversation.to(made.port) as one, Conversation.to(made.port) as two:
        assert one.read_until(b"\n") == two.read_until(b"\n") == b"a\n"
        assert refused(made.port)
        assert made.count("mesh_tcp_connections_total", response_flags="UO") == 1
        assert made.proxy.count("mesh_breaker_overflows_total", limit="connections") == 1
    until(lambda: made.proxy.count("mesh_upstream_connections") == 0, "both have ended")
    assert names(made.port, 1) == ["a"]


def test_connections_on_their_way_are_limited(choices: Choices) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        port = full.getsockname()[1]
        for _ in range(4):  # whoever comes now waits until somebody accepts, which nobody does
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        made = choices.plain({"v1": [port]}, breaker={"pending": 1}, connect_timeout_ms=800)
        for _ in range(5):
            client = stack.enter_context(socket.socket())
            with suppress(ConnectionResetError):  # some are turned away before they know that they were let in
                client.connect(("127.0.0.1", made.port))
        until(lambda: made.count("mesh_tcp_connections_total") == 5, "each has led nowhere")
        counted = {flag: made.count("mesh_tcp_connections_total", response_flags=flag) for flag in ("UF", "UO")}
        assert counted == {"UF": 1, "UO": 4}
        assert made.proxy.count("mesh_breaker_overflows_total", limit="pending") == 4


def test_a_client_that_does_not_wait_leaves_nothing_behind(choices: Choices) -> None:
    app = App(echo)
    choices.apps.append(app)
    made = choices.plain({"v1": [app.port]})
    for _ in range(100):
        with Conversation.to(made.port) as client:
            client.send(b"x")
            client.reset()
    until(lambda: "mesh_proxy_connections 0" in made.proxy.page("metrics"), "no client is left")
    until(lambda: made.proxy.count("mesh_upstream_connections") == 0, "no endpoint's connection is left")
    assert made.count("mesh_tcp_connections_total") == 100


def test_another_endpoint_is_tried_and_one_that_never_connects_is_ejected(choices: Choices) -> None:
    ports = [choices.app("good"), free_port()]
    made = choices.plain({"v1": ports}, balancer={"policy": "round_robin"}, outlier={"max_percent": 50})
    assert names(made.port, 20) == ["good"] * 20
    assert made.count("mesh_request_retries_total") == 5
    assert made.proxy.count("mesh_upstream_endpoints_ejected") == 1


def test_no_endpoint_and_none_that_connects(choices: Choices) -> None:
    assert refused((nobody := choices.plain({})).port)
    assert nobody.count("mesh_tcp_connections_total", response_flags="UH") == 1
    assert refused((dead := choices.plain({"v1": [free_port()]})).port)
    assert dead.count("mesh_tcp_connections_total", response_flags="UF") == 1


def test_silence_ends_a_connection(choices: Choices) -> None:
    made = choices.plain({"v1": [choices.app("a")]}, idle_timeout_ms=300)
    with Conversation.to(made.port) as client, pytest.raises(ConnectionResetError):
        client.read_until(b"\n")
        client.socket.recv(1)
    assert made.count("mesh_tcp_connections_closed_total", response_flags="SI") == 1


def test_a_silent_server_counts_as_established_soon(choices: Choices) -> None:
    app = App(lambda client: client.read_to_end() and None)
    choices.apps.append(app)
    made = choices.plain({"v1": [app.port]})
    with Conversation.to(made.port):
        until(lambda: made.count("mesh_tcp_connections_total", response_flags="") == 1, "it is counted")


def test_a_drain_lets_connections_finish(choices: Choices) -> None:
    app = App(echo)
    choices.apps.append(app)
    made = choices.plain({"v1": [app.port]})
    with Conversation.to(made.port) as client:
        client.send(b"one")
        assert client.read(3) == b"one"
        made.proxy.process.send_signal(signal.SIGTERM)
        until(lambda: not accepts(made.port), "it accepts no more")
        client.send(b"two")
        assert client.read(3) == b"two"
    assert made.proxy.process.wait(4) == 0


def test_http_does_not_reach_it_by_name(choices: Choices) -> None:
    port = free_port()
    engine = Proxy(
        choices.folder,
        [
            proxy(outbound(port)),
            tcp_service({"v1": 1}),
            endpoints({"v1": [choices.app("a")]}, name=DB),
        ],
    )
    try:
        assert ask(port, host="db.shop.mesh").status == 404
    finally:
        engine.close()
