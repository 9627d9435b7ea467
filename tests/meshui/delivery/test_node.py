"""A node proxy as a process: two services behind it, each with its own identity, configuration and life."""

from __future__ import annotations

import json
import signal
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pytest_django.live_server_helper import LiveServer

from meshui.catalog.models import Proxy
from meshui.delivery.shown import proxy_views
from meshui.telemetry.selectors import prometheus_targets
from meshui.traffic.services import gateway_put
from tests.conformance.harness import App, Conversation, ask, echo, free_port
from tests.meshui.delivery.processes import Process, node, token_file, wait_ready, write_node
from tests.meshui.delivery.test_joining import Joiner, token
from tests.meshui.delivery.world import World
from tests.support.poll import until

HOSTS = {"catalog": "catalog.shop.mesh", "cart": "cart.shop.mesh"}


class Host:
    """A host with the apps of ``shop/catalog`` and ``shop/cart``, and a node proxy for both."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.file = folder / "node.json"
        self.release = threading.Event()
        self.apps = {name: App(self._slow_echo(name)) for name in HOSTS}
        self.inbound = {name: free_port() for name in HOSTS}
        self.outbound = {name: free_port() for name in HOSTS}
        self.entries = {name: self._entry(folder, name) for name in HOSTS}
        self.write(*HOSTS)
        self._context = node(url, folder, self.file)
        self.proxy: Process = self._context.__enter__()

    def write(self, *names: str) -> None:
        write_node(self.file, *(self.entries[name] for name in names))

    def call(self, caller: str, callee: str, path: str = "/") -> Any:
        return ask(self.outbound[caller], path, host=HOSTS[callee]).json()

    def served(self, name: str) -> float:
        return self.proxy.count(
            f"metrics/{name}",
            "mesh_requests_total",
            reporter="destination",
            destination_service=f"shop/{name}",
            security="mtls",
            response_code="200",
        )

    def close(self) -> None:
        self.release.set()
        self._context.__exit__(None, None, None)
        for app in self.apps.values():
            app.close()

    def _entry(self, folder: Path, name: str) -> dict[str, Any]:
        return {
            "service": f"shop/{name}",
            "name": name,
            "token_file": str(token_file(folder, f"shop/{name}")),
            "inbound": f"127.0.0.1:{self.inbound[name]}",
            "app": f"127.0.0.1:{self.apps[name].port}",
            "outbound": f"127.0.0.1:{self.outbound[name]}",
        }

    def _slow_echo(self, name: str) -> Any:
        plain = echo(name)

        def script(client: Conversation) -> None:
            head = client.read_until(b"\r\n\r\n")
            if b" /slow " in head:
                self.release.wait(20)
            client._buffer = head + client._buffer
            plain(client)

        return script


@pytest.fixture
def host(world: World, live_server: LiveServer, tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path, live_server.url)
    yield made
    made.close()


def identity_at(port: int) -> str:
    """The URI name of the certificate that a server shows to whoever connects."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with Conversation.to(port) as client, context.wrap_socket(client.socket) as secured:
        leaf = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return str(names.get_values_for_type(x509.UniformResourceIdentifier)[0])


def test_each_service_has_its_own_identity_and_counts(host: Host) -> None:
    wait_ready(host.proxy)
    for name in HOSTS:
        assert identity_at(host.inbound[name]) == f"spiffe://mesh.local/ns/shop/svc/{name}"
    for caller, callee in (("catalog", "cart"), ("cart", "catalog")):
        before = host.served(callee)
        assert host.call(caller, callee)["app"] == callee
        assert host.served(callee) == before + 1
        labels = {"source_service": f"shop/{caller}", "destination_service": f"shop/{callee}", "security": "mtls"}
        counted = [
            host.proxy.count(f"metrics/{name}", "mesh_requests_total", reporter=reporter, **labels)
            for name, reporter in ((caller, "source"), (callee, "destination"))
        ]
        assert counted == [1, 1]
    assert host.proxy.page("metrics")[0] == 404
    listed = json.loads(host.proxy.page("services")[1])
    assert listed == {name: {"service": f"shop/{name}", "missing": ""} for name in sorted(HOSTS)}


def test_the_control_plane_shows_it_as_a_node(host: Host) -> None:
    wait_ready(host.proxy)
    rows = list(Proxy.objects.select_related("service__namespace", "version").order_by("name"))
    assert [(view.name, view.kind, view.service) for view in proxy_views(rows)] == [
        ("cart", "node", "shop/cart"),
        ("catalog", "node", "shop/catalog"),
    ]
    targets = {target.labels["mesh_service"]: target.labels for target in prometheus_targets(None)}
    assert targets["shop/cart"]["__metrics_path__"] == "/metrics/cart"
    assert targets["shop/catalog"]["mesh_kind"] == "node"


def test_one_service_drains_and_the_other_notices_nothing(host: Host) -> None:
    wait_ready(host.proxy)
    slow: list[int] = []
    under_way = threading.Thread(
        target=lambda: slow.append(ask(host.outbound["catalog"], "/slow", host=HOSTS["cart"]).status)
    )
    under_way.start()
    until(lambda: host.apps["cart"].heard or host.apps["cart"].connections, "the request is with the app")
    host.write("catalog")
    host.proxy.process.send_signal(signal.SIGHUP)
    until(lambda: host.proxy.page("ready/cart")[0] == 404, "the file is read again")
    for _ in range(20):
        assert host.call("catalog", "catalog")["app"] == "catalog"
    host.release.set()
    under_way.join()
    assert slow == [200]
    until(lambda: _refuses(host.inbound["cart"]), "its port is closed")
    assert _refuses(host.outbound["cart"])
    assert host.proxy.page("ready") == (200, "ready\n")
    # And back again, from the state that it left.
    host.write("catalog", "cart")
    host.proxy.process.send_signal(signal.SIGHUP)
    until(lambda: host.proxy.page("ready/cart")[0] == 200, "it serves again")
    assert host.call("catalog", "cart")["app"] == "cart"


def test_a_wrong_token_keeps_one_service_out_and_the_other_in(host: Host, tmp_path: Path) -> None:
    wait_ready(host.proxy)
    token = host.entries["catalog"]["token_file"]
    mixed_up = {**calling("mixed-up"), "token_file": token}
    good = {**calling("good"), "token_file": host.entries["cart"]["token_file"]}
    write_node(tmp_path / "other.json", mixed_up, good)
    with node(host.url, tmp_path / "second", tmp_path / "other.json") as second:
        wait_ready(second, "good")
        until(lambda: "the token is for shop/catalog" in second.page("ready")[1], "the other says what is wrong")
        assert second.page("ready/mixed-up")[0] == 503
        assert ask(int(good["outbound"].rpartition(":")[2]), host=HOSTS["catalog"]).json()["app"] == "catalog"
    assert not Proxy.objects.filter(name="mixed-up").exists()


def calling(name: str) -> dict[str, Any]:
    """``shop/cart`` as a caller alone."""
    return {"service": "shop/cart", "name": name, "outbound": f"127.0.0.1:{free_port()}"}


def test_a_file_that_is_refused_changes_nothing(host: Host) -> None:
    wait_ready(host.proxy)
    host.file.write_text('{"services": [{"service": "shop/cart", "name": "cart", "token_file": "x", "port": 5}]}')
    host.proxy.process.send_signal(signal.SIGHUP)
    until(lambda: "reload refused" in host.proxy.log(), "the log says so")
    assert "$.services[0]" in host.proxy.log()
    assert host.call("cart", "catalog")["app"] == "catalog"


def test_sigterm_drains_all_and_ends(host: Host) -> None:
    wait_ready(host.proxy)
    host.proxy.process.send_signal(signal.SIGTERM)
    assert host.proxy.process.wait(10) == 0


def _refuses(port: int) -> bool:
    try:
        with Conversation.to(port):
            return False
    except ConnectionRefusedError:
        return True


def test_a_gateway_is_no_part_of_a_node_and_a_token_is_for_one_service(world: World, root: Any) -> None:
    joiner = Joiner()
    refused = joiner.join(token(), service="shop/cart")
    assert [(e["path"], e["code"]) for e in refused.json()["errors"]] == [("service", "other_service")]
    gateway_put(actor=root, gateway="shop/edge", hosts=[])
    listeners = [{"kind": "gateway", "address": "0.0.0.0", "port": 80, "hosts": []}]
    refused = joiner.join(token(service="shop/edge"), listeners=listeners, node=True)
    assert [e["path"] for e in refused.json()["errors"]] == ["node"]
    assert not Proxy.objects.exists()
    good = token()
    assert joiner.join(good, service="shop/catalog", node=True).status_code == 200
    assert Proxy.objects.get().kind == "node"
