"""``manage.py demo`` and ``manage.py up``: their stages, in order.

The parent of every process, so it runs before Django and its settings: it makes the environment that they read.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from meshui.config import embedded
from meshui.demo import environment, monitoring, processes
from meshui.demo.environment import Options
from meshui.demo.processes import Group
from meshui.demo.stages import manage, run, say, stage
from meshui.demo.supervision import Supervisor, wait_for_former

SERVER_DEADLINE_S = 60
WEB_DEADLINE_S = 90
MESH_DEADLINE_S = 120
SHARED = ("directory", "service:", "endpoints:")
"""The resources that every proxy of the mesh has alike."""


def main(command: str) -> int:
    """Run ``demo`` or ``up`` until it is told to stop. Returns the exit status."""
    return run(Demo if command == "demo" else ControlPlane)


class Demo:
    """The whole of meshui on one machine: servers, control plane, the demo mesh and its traffic."""

    def __init__(self, options: Options) -> None:
        wait_for_former(options.data)
        environment.check_ports(options.port, options.gateway_port)
        self._options = options
        self._trouble = ""
        self._servers = []
        if options.database_url is None:
            self._servers.append(embedded.postgres(options.data))
        if options.redis_url is None:
            self._servers.append(embedded.valkey(options.data))
        urls = {server.name: server.url for server in self._servers}
        database_url = options.database_url or urls["postgres"]
        redis_url = options.redis_url or urls["valkey"]
        self._env = environment.control_plane(options, database_url, redis_url)
        self._monitoring = monitoring.prepare(options)
        if self._monitoring:
            self._env["MESHUI_PROMETHEUS_URL"] = self._monitoring.url
        environment.remember(options, self._env)
        self._ports = processes.mesh_ports(options)
        everything = [
            *processes.servers(self._servers),
            *processes.control_plane(options.port, options.data.folder("demo") / "beat"),
            *processes.mesh(options, self._ports),
            *([self._monitoring.process] if self._monitoring else []),
        ]
        self.supervisor = Supervisor(options.data, everything, self._env)

    def start(self) -> None:
        """Every stage in order. Raises DemoError or EmbeddedError; the caller closes."""
        began = time.monotonic()
        with stage("PostgreSQL and Valkey" if self._servers else "supervisor"):
            self._start_servers()
        with stage("database migrated, demo mesh registered"):
            self.supervisor.start(Group.APPS)  # they need nothing: let them load meanwhile
            self._seed()
        with stage("control plane answers"):
            self.supervisor.start(Group.CONTROL)
            if self._all_joined():
                self.supervisor.start(Group.SIDECARS)
            self.supervisor.wait(self._web_answers, "web", WEB_DEADLINE_S, lambda: "did not answer")
        with stage(f"{len(self._ports) - 1} service instances, their sidecars, the gateway"):
            self.supervisor.start(Group.SIDECARS)
            self.supervisor.wait(self._proxies_agree, "gateway", MESH_DEADLINE_S, lambda: "waits for the sidecars")
            self.supervisor.wait(
                self._traffic_flows, "gateway", MESH_DEADLINE_S, lambda: f"let no traffic through ({self._trouble})"
            )
        if self._options.rps:
            with stage(f"traffic, {self._options.rps:g} requests a second"):
                self.supervisor.start(Group.LOAD)
        if self._monitoring:
            self.supervisor.start(Group.MONITORING)
        say(f"  all of it took {time.monotonic() - began:.1f} s; logs: {self._options.data.path / 'logs'}")
        password = environment.admin_password(self._options)
        say(f"meshui ready: {self._options.url} user admin password {password}")

    def _start_servers(self) -> None:
        failures: list[Exception] = []

        def prepare(server: embedded.Server) -> None:
            try:
                server.prepare()
            except Exception as error:
                failures.append(error)

        preparing = [threading.Thread(target=prepare, args=(server,)) for server in self._servers]
        for thread in preparing:
            thread.start()
        self.supervisor.open()
        for thread in preparing:
            thread.join()
        if failures:
            raise failures[0]
        if self._servers:
            self.supervisor.start(Group.SERVERS)
        for server in self._servers:
            self.supervisor.wait(server.ready, server.name, SERVER_DEADLINE_S)

    def _seed(self) -> None:
        manage(
            self.supervisor.log("seed"),
            self._env,
            ["seed_demo", json.dumps(self._ports)],
            "A data folder of an older version that does not matter any more can be removed: "
            f"rm -r {self._options.data.path}",
        )

    def _all_joined(self) -> bool:
        """Whether every proxy comes up from its own state: then it need not wait for the control plane."""
        data_dir = self._options.data.path
        return not any(processes.token_file(data_dir, name).exists() for name in self._ports)

    def _web_answers(self) -> bool:
        return fetch(self._options.port, "GET", "/readyz")[0] == 200

    def _proxies_agree(self) -> bool:
        """Whether all proxies are up and hold the same mesh: no request is sent, and fails, before that."""
        meshes = set()
        for ports in self._ports.values():
            status, config = fetch(ports["admin"], "GET", "/config")
            if status != 200 or fetch(ports["admin"], "GET", "/ready")[0] != 200:
                return False
            shared = (entry for entry in config["resources"] if entry["resource"].startswith(SHARED))
            meshes.add(tuple((entry["resource"], entry["version"]) for entry in shared))
        return len(meshes) == 1

    def _traffic_flows(self) -> bool:
        """Whether both walks through the mesh, reading and buying, reach everyone."""
        for method, path in (("GET", "/"), ("POST", "/checkout")):
            status, body = fetch(self._options.gateway_port, method, path)
            failed = [f"gateway answered {status}"] if status != 200 else list(_failed(body))
            if failed:
                self._trouble = ", ".join(failed)
                return False
        return True


def _failed(body: Any) -> Iterator[str]:
    """The calls in an answer of the demo that were not served."""
    if not isinstance(body, dict) or "service" not in body:
        yield "somebody else answered"
    elif "version" not in body:
        yield f"{body['service']} {body['status']}"
    else:
        for call in body["calls"]:
            yield from _failed(call)


class ControlPlane:
    """The control plane alone, against servers and with secrets that the environment names."""

    def __init__(self, options: Options) -> None:
        wait_for_former(options.data)
        environment.check_ports(options.port)
        environment.require("DATABASE_URL", "REDIS_URL", "MESHUI_SECRET_KEY", "MESHUI_CA_KEY", "MESHUI_REPORT_KEY")
        self._options = options
        schedule = options.data.folder("beat") / "schedule"
        self.supervisor = Supervisor(options.data, processes.control_plane(options.port, schedule), os.environ)

    def start(self) -> None:
        """Every stage in order. Raises DemoError; the caller closes."""
        with stage("database migrated"):
            self.supervisor.open()
            manage(self.supervisor.log("migrate"), os.environ, ["migrate", "--no-input"], "Look at DATABASE_URL.")
        with stage("control plane answers"):
            self.supervisor.start(Group.CONTROL)
            self.supervisor.wait(self._web_answers, "web", WEB_DEADLINE_S, lambda: "did not answer")
        say(f"meshui ready: {self._options.url}")

    def _web_answers(self) -> bool:
        return fetch(self._options.port, "GET", "/readyz")[0] == 200


def fetch(port: int, method: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        raw = response.read()
        return response.status, json.loads(raw)
    except ValueError:
        return response.status, None
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
