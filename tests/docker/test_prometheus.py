"""The ready-made rules and dashboards: taken by the real Prometheus, and of metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshui.core import metrics as control_plane
from proxies.net import prometheus as proxy
from tests.support.prometheus import needs_prometheus

DOCKER = Path(__file__).resolve().parents[2] / "docker"
RULES = DOCKER / "prometheus" / "mesh.rules.yml"
DASHBOARDS = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))

EXPOSED = {*proxy._HEADS, "up"} | set(re.findall(r'"(meshui_\w+)"', Path(control_plane.__file__).read_text()))


def check(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def queries(dashboard: Path) -> Iterator[str]:
    for panel in json.loads(dashboard.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def unknown(text: str) -> set[str]:
    """Names of metrics in it that nobody exposes."""
    named = set(re.findall(r"\b(mesh(?:ui)?_\w+?)(?:_bucket)?(?=[{\[ )]|$)", text, re.MULTILINE))
    return named - EXPOSED - {"mesh_proxy", "mesh_service"}


@needs_prometheus
def test_the_rules_are_rules() -> None:
    assert "16 rules found" in check("check", "rules", str(RULES))
    assert unknown(re.sub(r"(?m)^ *(- record|- alert|#|summary).*$", "", RULES.read_text())) == set()


@needs_prometheus
def test_a_burning_service_is_told_and_a_healthy_one_is_not(tmp_path: Path) -> None:
    """Two per cent of errors for six hours burn 99.9 % twenty times too fast."""

    def series(service: str, code: int, step: str) -> dict[str, str]:
        labels = f'reporter="source",source_service="a/b",destination_service="{service}",response_code="{code}"'
        return {"series": f"mesh_requests_total{{{labels}}}", "values": f"0+{step}x400"}

    told = {"exp_labels": {"severity": "page", "destination_service": "shop/catalog", "window": "1h"}}
    summary = "shop/catalog burns its error budget 20.0 times too fast (1 h)"
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    series("shop/catalog", 200, "98"),
                    series("shop/catalog", 503, "2"),
                    series("shop/users", 200, "100"),
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "6h",
                        "alertname": "MeshBudgetBurnsFast",
                        "exp_alerts": [{**told, "exp_annotations": {"summary": summary}}],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(json.dumps(test))
    check("test", "rules", str(file))


@needs_prometheus
def test_the_configuration_is_one(tmp_path: Path) -> None:
    config = (DOCKER / "prometheus" / "prometheus.yml").read_text()
    (tmp_path / "token").write_text("mui_x")
    (tmp_path / "mesh.rules.yml").write_text(RULES.read_text())
    (tmp_path / "prometheus.yml").write_text(config.replace("/etc/prometheus/mesh-token", str(tmp_path / "token")))
    check("check", "config", str(tmp_path / "prometheus.yml"))


@needs_prometheus
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_what_prometheus_takes_and_proxies_expose(dashboard: Path, tmp_path: Path) -> None:
    asked = list(queries(dashboard))
    assert len(asked) >= 8
    assert unknown("\n".join(asked)) == set()
    plain = [query.replace("$__rate_interval", "1m").replace("$service", "a/b") for query in asked]
    rules = [{"record": f"panel:{index}", "expr": query} for index, query in enumerate(plain)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    check("check", "rules", str(file))
    ids = [panel["id"] for panel in json.loads(dashboard.read_text())["panels"]]
    assert len(ids) == len(set(ids))
