"""The registry of the running demo: it asks through sidecars, its own death harms nobody, and sidecars answer names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.query
import pytest

from tests.support.demo import Client, Demo
from tests.support.poll import until

SERVICE = "services/shop/catalog/"
KNOBS = "demo/shop/catalog/v2/"
CHECK = {"kind": "http", "path": "/", "interval_ms": 300, "timeout_ms": 300, "unhealthy_after": 2}


def put_check(demo: Demo, check: dict[str, Any] | None) -> None:
    path = f"{SERVICE}health-check/"
    answer = demo.api("PUT", path, {"check": check}, If_Match=demo.api("GET", path).headers["etag"])
    assert answer.status == 200, answer


@pytest.fixture
def checked(demo: Demo) -> Iterator[Demo]:
    put_check(demo, CHECK)
    yield demo
    put_check(demo, None)
    demo.api("PUT", KNOBS, {"error_rate": 0, "latency_ms": 0})


def instance(demo: Demo, version: str) -> Any:
    (found,) = demo.api("GET", f"{SERVICE}instances/?version={version}").body["results"]
    return found


def verdict(demo: Demo, version: str) -> str:
    return str(instance(demo, version)["check"]["status"])


def test_a_version_that_fails_its_check_gets_no_traffic_until_it_is_well(checked: Demo) -> None:
    demo = checked
    demo.applied(demo.set_split("shop/catalog", {"v1": 50, "v2": 50}))
    until(lambda: verdict(demo, "v1") == verdict(demo, "v2") == "passing", "both are asked through their sidecars")
    demo.api("PUT", KNOBS, {"error_rate": 1, "latency_ms": 0})
    until(lambda: verdict(demo, "v2") == "critical", "v2 fails its check")
    assert instance(demo, "v2")["check"]["output"].startswith("500")
    assert demo.api("GET", SERVICE).body["health"]["status"] == "degraded"
    assert verdict(demo, "v1") == "passing"
    demo.api("PUT", KNOBS, {"error_rate": 0, "latency_ms": 0})
    until(lambda: instance(demo, "v2")["status"] == "passing", "v2 is back")
    nodes = demo.api("GET", "graph/?window=60s").body["nodes"]
    assert "unknown" not in {
        edge["source"] for edge in demo.api("GET", "graph/?focus=shop/catalog&hops=1").body["edges"]
    }
    assert not [node for node in nodes if node["namespace"] == "meshui"]


def test_the_checkers_death_turns_nobody(checked: Demo) -> None:
    demo = checked
    until(lambda: verdict(demo, "v1") == verdict(demo, "v2") == "passing", "both are checked")
    before = demo.api("GET", "changes/?action=instance.critical").body["results"]
    with Client(demo).running() as client:
        demo.kill("collector")
        demo.api("PUT", KNOBS, {"error_rate": 1, "latency_ms": 0})
        until(lambda: verdict(demo, "v2") == "critical", "the next checker goes on", 40)
        demo.api("PUT", KNOBS, {"error_rate": 0, "latency_ms": 0})
        until(lambda: verdict(demo, "v2") == "passing", "v2 is back", 40)
    assert client.total > 0
    after = demo.api("GET", "changes/?action=instance.critical").body["results"]
    turned = [change["summary"] for change in after[: len(after) - len(before)]]
    assert turned == [f"{instance(demo, 'v2')['id']} critical"]


def test_a_draining_instance_loses_no_request(demo: Demo) -> None:
    demo.applied(demo.set_split("shop/catalog", {"v1": 100, "v2": 0}))
    path = f"{SERVICE}instances/{instance(demo, 'v2')['id']}/draining/"
    with Client(demo).running() as client:
        for draining in (True, False):
            answer = demo.api("PUT", path, {"draining": draining})
            assert (answer.status, answer.body["draining"]) == (200, draining)
            demo.applied(answer.body["revision"])
    assert client.total > 0
    assert client.failures == []


def test_a_sidecar_answers_names_from_what_it_has_applied(demo: Demo) -> None:
    ports = json.loads((demo.data_dir / "ports.json").read_text())

    def asked(name: str, kind: str) -> list[str]:
        query = dns.message.make_query(name, kind)
        answer = dns.query.udp(query, "127.0.0.1", port=ports["frontend-v1.dns"], timeout=5)
        return sorted(item.to_text() for rrset in answer.answer for item in rrset)

    def instances() -> list[str]:
        return [f"0 100 {ports[f'catalog-{v}.inbound']} 7f000001.catalog.shop.mesh." for v in ("v1", "v2")]

    assert asked("catalog.shop.mesh", "A") == ["127.0.0.1"]
    assert asked("catalog.shop.mesh", "SRV") == sorted(instances())
    path = f"{SERVICE}instances/{instance(demo, 'v2')['id']}/draining/"
    demo.applied(demo.api("PUT", path, {"draining": True}).body["revision"])
    assert asked("catalog.shop.mesh", "SRV") == instances()[:1]
    demo.applied(demo.api("PUT", path, {"draining": False}).body["revision"])
    assert asked("catalog.shop.mesh", "SRV") == sorted(instances())
