"""The root is replaced, and put back, under traffic, while parts of the mesh are killed: nobody notices."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from tests.meshui.security.support import Outside
from tests.support.demo import ROOT, Client, Demo, fetch, free_port, running_demo
from tests.support.poll import until

USERS = "platform/users"
LEAF_TTL_S = 180
"""Short, so that certificates are renewed by themselves too; long enough for a busy machine to start web again."""
SAMPLE = re.compile(r'mesh_tls_handshakes_total\{side="(\w+)",outcome="(\w+)"\} (\d+)')


@pytest.fixture(scope="module")
def mesh() -> Iterator[Demo]:
    with running_demo(rps=5, env={"MESHUI_LEAF_TTL": str(LEAF_TTL_S)}) as demo:
        yield demo


@dataclass
class Spare:
    """A second instance of a service, whose sidecar can be killed."""

    demo: Demo
    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: {use: free_port() for use in ("inbound", "app", "admin")})

    def start(self) -> None:
        command = [sys.executable, "-m", "proxies", "run", "--join", self.demo.url, "--name", "users-spare"]
        command += ["--token-file", str(self.folder / "token"), "--state", str(self.folder / "state")]
        command += [part for use, port in self.ports.items() for part in (f"--{use}", f"127.0.0.1:{port}")]
        self.sidecar = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=self._log())
        until(self.ready, "the spare sidecar is ready", 30)

    def _log(self) -> IO[bytes]:
        return (self.folder / "log").open("ab")

    def kill(self) -> None:
        self.sidecar.kill()
        self.sidecar.wait()

    def ready(self) -> bool:
        try:
            return fetch(self.ports["admin"], "GET", "/ready").status == 200
        except OSError:
            return False


@contextmanager
def spare(demo: Demo, folder: Path) -> Iterator[Spare]:
    """One of ``platform/users``, whose callers try again elsewhere where it is lost in the middle of an answer."""
    made = Spare(demo, folder)
    token = demo.api("POST", "join-tokens/", {"service": USERS, "version": "v1", "uses": 1}).body["token"]
    (folder / "token").write_text(token)
    path = f"services/{USERS}/routes/"
    routes = demo.api("GET", path)
    again = {"attempts": 2, "on": ["connect-failure", "refused", "reset-before-request", "reset"]}
    changed = [{**route, "retry": {**route["retry"], **again}} for route in routes.body["routes"]]
    put = demo.api("PUT", path, {"routes": changed, "reason": "flow test"}, If_Match=routes.headers["etag"])
    assert put.status == 200, put
    command = [sys.executable, "-m", "meshui.demo.app", "--service", USERS, "--version", "v1"]
    command += ["--port", str(made.ports["app"]), "--outbound", str(free_port()), "--data-dir", str(folder)]
    app = subprocess.Popen(command, cwd=ROOT)
    try:
        made.start()
        yield made
    finally:
        made.kill()
        app.kill()
        app.wait()


def pages(demo: Demo) -> Iterator[tuple[str, str]]:
    """The metrics of every proxy that answers, by its name."""
    for proxy in demo.api("GET", "proxies/?page_size=500").body["results"]:
        with suppress(OSError):  # it was killed
            yield proxy["name"], fetch(int(proxy["admin"].rpartition(":")[2]), "GET", "/metrics").body


def handshakes(demo: Demo) -> Counter[str]:
    """What all proxies counted, by outcome."""
    counts: Counter[str] = Counter()
    for _, text in pages(demo):
        for _, outcome, count in SAMPLE.findall(text):
            counts[outcome] += int(count)
    return counts


def not_ok(demo: Demo) -> list[str]:
    """What proxies counted of requests that were not answered 200: why a client saw a failure."""
    return [
        f"{name}: {line}"
        for name, text in pages(demo)
        for line in text.splitlines()
        if line.startswith("mesh_requests_total") and 'response_code="200"' not in line
    ]


def rotation(demo: Demo, number: int) -> Any:
    """As it stands; empty while the control plane is away."""
    try:
        answer = demo.api("GET", f"authority/rotations/{number}/")
    except (OSError, http.client.HTTPException):
        return {}
    return answer.body if answer.status == 200 else {}


def reaches(demo: Demo, number: int, *states: str, timeout_s: float = 120) -> Any:
    """The rotation, once it is in one of the states."""
    try:
        return until(
            lambda: (found := rotation(demo, number)).get("state") in states and found,
            f"the rotation is {states}",
            timeout_s,
            0.2,
        )
    except AssertionError as error:
        raise AssertionError(f"{error}: {rotation(demo, number)}") from None


def start(demo: Demo, **offer: str) -> Any:
    answer = demo.api("POST", "authority/rotations/", {"source": "made", "reason": "flow test", **offer})
    assert answer.status == 201, answer
    return answer.body


def only_missing(demo: Demo, number: int) -> list[dict[str, Any]]:
    """Whom it waits for, once that is one proxy."""
    missing = rotation(demo, number).get("missing", [])
    return missing if len(missing) == 1 else []


def act(demo: Demo, number: int, action: str, **more: str) -> Any:
    answer = demo.api("POST", f"authority/rotations/{number}/{action}/", {"reason": "flow test", **more})
    assert answer.status == 200, answer
    return answer.body


def test_no_request_and_no_handshake_fails_while_the_root_is_replaced_and_things_die(
    mesh: Demo, tmp_path: Path
) -> None:
    with spare(mesh, tmp_path) as victim, Client(mesh, rps=20).running() as client:
        until(lambda: client.total > 40, "traffic before the rotation")
        before = handshakes(mesh)
        number, old, new = (started := start(mesh))["id"], started["old"], started["new"]
        mesh.kill("web")
        reaches(mesh, number, "reissuing")
        mesh.kill("worker")
        victim.kill()
        mesh.kill("beat")
        victim.start()
        over = reaches(mesh, number, "done")
        seen = client.total
        until(lambda: client.total > seen + 100, "traffic after the rotation")
        after, why = handshakes(mesh), not_ok(mesh)
    figures = f"{client.total} requests, {len(client.failures)} failed; handshakes {dict(before)} -> {dict(after)}"
    print(f"\n{figures}; {[(step['state'], step['at']) for step in over['steps']]}")
    assert client.failures == [], why
    assert after["refused"] == 0
    assert after["done"] > before["done"], "connections were made anew"
    authority = mesh.api("GET", "authority/").body
    assert [(row["fingerprint"], row["trusted"]) for row in authority["certificates"] if row["kind"] == "root"] == [
        (new, True)
    ]
    held = mesh.api("GET", "certificates/?current=1&page_size=500").body["results"]
    assert {row["root"] for row in held} == {new}
    assert old not in mesh.api("GET", "authority/bundle.pem").body


def test_to_an_imported_root_it_passes_over_who_is_gone_and_is_paused_and_goes_back(mesh: Demo, tmp_path: Path) -> None:
    outside = Outside()
    offer = {"source": "imported", "certificate": outside.certificate, "key": outside.pem_key}
    with spare(mesh, tmp_path):
        pass  # it was a member, and does not come back
    with Client(mesh, rps=20).running() as client:
        number, old = (started := start(mesh, **offer))["id"], started["old"]
        gone = until(lambda: [row for row in only_missing(mesh, number) if row["state"] == "offline"], "one is missing")
        assert [row["name"] for row in gone] == ["users-spare"]
        act(mesh, number, "pass", proxy=gone[0]["proxy"])
        reaches(mesh, number, "retiring")
        assert act(mesh, number, "pause")["paused"]
        mesh.kill("worker")
        assert rotation(mesh, number)["state"] == "retiring"
        assert act(mesh, number, "abort")["state"] == "withdrawing"
        reaches(mesh, number, "aborted")
        after, why = handshakes(mesh), not_ok(mesh)
    assert client.failures == [], why
    assert after["refused"] == 0
    held = mesh.api("GET", "certificates/?current=1&page_size=500").body["results"]
    assert {row["root"] for row in held if row["held"]} == {old}
