"""Prometheus beside the demo: there where the machine has one, with a configuration that it takes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from meshui.accounts.models import ApiToken
from meshui.demo import environment, monitoring, processes
from meshui.demo.environment import Options
from meshui.demo.seed import seed
from tests.support.prometheus import needs_prometheus


def options(folder: Path) -> Options:
    return environment.read({"MESHUI_DATA_DIR": str(folder)})


def test_without_the_binary_or_with_one_elsewhere_there_is_none(tmp_path: Path) -> None:
    assert monitoring.prepare(options(tmp_path), {"PATH": str(tmp_path)}) is None
    elsewhere = {"PATH": "/usr/bin", "MESHUI_PROMETHEUS_URL": "http://prometheus:9090"}
    assert monitoring.prepare(options(tmp_path), elsewhere) is None
    assert not monitoring.token_file(tmp_path).parent.exists()


@needs_prometheus
def test_its_configuration_is_one(tmp_path: Path) -> None:
    made = monitoring.prepare(options(tmp_path))
    assert made is not None and f"--web.listen-address={urlsplit(made.url).netloc}" in made.process.command
    monitoring.token_file(tmp_path).write_text("mui_x")
    config = tmp_path / "prometheus" / "prometheus.yml"
    checked = subprocess.run(["promtool", "check", "config", str(config)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.django_db
def test_its_token_shows_it_the_targets_and_is_kept(tmp_path: Path) -> None:
    ports = processes.mesh_ports(options(tmp_path))
    file = monitoring.token_file(tmp_path)
    seed(tmp_path, ports, "a long password", "redis://127.0.0.1:6379/0")
    assert not file.exists()
    file.parent.mkdir()
    for _ in range(2):
        seed(tmp_path, ports, "a long password", "redis://127.0.0.1:6379/0")
        assert ApiToken.objects.count() == 1
    client = APIClient(headers={"Authorization": f"Bearer {file.read_text()}"})
    assert client.get("/api/v1/prometheus/targets/").status_code == 200
    assert client.get("/api/v1/users/").status_code == 403
    assert file.stat().st_mode & 0o077 == 0
