"""What the visitor may choose, and what a bad choice is answered with."""

from __future__ import annotations

import base64
import socket
from pathlib import Path

import pytest

from meshui.demo import environment, processes, topology
from meshui.demo.environment import DemoError


@pytest.mark.parametrize(
    ("name", "value"),
    [("MESHUI_PORT", "no"), ("MESHUI_PORT", "70000"), ("MESHUI_GATEWAY_PORT", "0"), ("DEMO_RPS", "x"),
     ("DEMO_RPS", "nan"), ("DEMO_RPS", "-1")],
)  # fmt: skip
def test_a_bad_value_is_refused_with_the_variables_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(DemoError, match=name) as caught:
        environment.read({"MESHUI_DATA_DIR": str(tmp_path), name: value})
    assert caught.value.mend


def test_a_taken_port_is_said_with_the_variable_to_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"port {port} is taken") as caught:
            environment.check_ports(0, port)
    assert "MESHUI_GATEWAY_PORT" in caught.value.mend


def test_secrets_are_made_once_and_of_the_right_size(tmp_path: Path) -> None:
    options = environment.read({"MESHUI_DATA_DIR": str(tmp_path)})
    first = environment.control_plane(options, "postgresql://x", "redis://x")
    again = environment.control_plane(options, "postgresql://x", "redis://x")
    for name in ("MESHUI_CA_KEY", "MESHUI_REPORT_KEY"):
        assert len(base64.b64decode(first[name])) == 32
    secrets = ("MESHUI_SECRET_KEY", "MESHUI_CA_KEY", "MESHUI_REPORT_KEY", "MESHUI_ADMIN_PASSWORD")
    assert [first[name] for name in secrets] == [again[name] for name in secrets]
    assert len({first[name] for name in secrets}) == 4


def test_another_shell_reaches_the_demo(tmp_path: Path) -> None:
    where = {"MESHUI_DATA_DIR": str(tmp_path)}
    assert environment.recall(where) == {}
    options = environment.read(where)
    started = environment.control_plane(options, "postgresql://x", "redis://x") | {"AWS_SECRET": "of somebody else"}
    environment.remember(options, started)
    kept = environment.recall(where)
    assert kept.items() <= started.items()
    assert (kept["DATABASE_URL"], kept["MESHUI_SECRET_KEY"]) == ("postgresql://x", started["MESHUI_SECRET_KEY"])
    assert "AWS_SECRET" not in kept
    assert (tmp_path / "environment.json").stat().st_mode & 0o077 == 0


def test_every_instance_has_a_sidecar_and_ports_of_its_own(tmp_path: Path) -> None:
    options = environment.read({"MESHUI_DATA_DIR": str(tmp_path), "DEMO_RPS": "0"})
    ports = processes.mesh_ports(options)
    names = [process.name for process in processes.mesh(options, ports)]
    assert len(names) == len(set(names)) == 10 + 10 + 1
    every = [port for of in ports.values() for port in of.values()]
    assert len(every) == len(set(every)) == 10 * 5 + 2
    assert processes.mesh_ports(options) == ports


def test_every_call_of_the_topology_leads_to_a_service_of_it() -> None:
    for service in topology.SERVICES:
        for call in (*service.calls, *(service.checkout or ())):
            assert topology.service(call.service)
