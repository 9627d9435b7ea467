"""Prometheus beside the demo mesh, where the machine has one: how it is run, and the token by which it finds proxies.

It is started last, nobody waits for it, and its data lives in the data folder.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshui.config.datadir import write_private
from meshui.config.launch import command_line
from meshui.demo.environment import Options
from meshui.demo.processes import Group, Process

SCRAPE_S = 5
KEPT = "7d"
MAX_SIZE = "512MB"
USER = "prometheus"
"""Whose token it is: somebody who may view everything and do nothing."""


@dataclass(frozen=True)
class Monitoring:
    """``url`` is where the control plane asks it."""

    url: str
    process: Process


def prepare(options: Options, env: Mapping[str, str] = os.environ) -> Monitoring | None:
    """Write its configuration; None where there is no ``prometheus`` on PATH, or the visitor has one elsewhere."""
    binary = shutil.which("prometheus", path=env.get("PATH"))
    if binary is None or env.get("MESHUI_PROMETHEUS_URL"):
        return None
    folder = options.data.folder("prometheus")
    port = options.data.ports(["prometheus"])["prometheus"]
    write_private(folder / "prometheus.yml", json.dumps(_configuration(options)))  # JSON is YAML
    command = [
        binary, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={KEPT}", f"--storage.tsdb.retention.size={MAX_SIZE}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    return Monitoring(
        f"http://127.0.0.1:{port}", Process("prometheus", Group.MONITORING, command_line(command, bare=True))
    )


def token_file(data_dir: Path) -> Path:
    """Its folder is there where a Prometheus is run."""
    return data_dir / "prometheus" / "token"


def _configuration(options: Options) -> dict[str, object]:
    targets = {
        "url": f"{options.url}/api/v1/prometheus/targets/",
        "refresh_interval": "10s",
        # The type is said: older versions take none for Bearer where targets are discovered.
        "authorization": {"type": "Bearer", "credentials_file": str(token_file(options.data.path))},
    }
    control_plane = {"targets": [options.url.removeprefix("http://")]}
    return {
        "global": {"scrape_interval": f"{SCRAPE_S}s"},
        "scrape_configs": [
            {"job_name": "mesh", "http_sd_configs": [targets]},
            {"job_name": "meshui", "static_configs": [control_plane]},
        ],
    }
