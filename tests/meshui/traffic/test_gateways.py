"""Gateways over REST: their hosts, whole."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.catalog.models import Proxy
from meshui.core.models import Change, Outbox
from meshui.traffic.selectors import get_gateway
from tests.support.api import Api, everything

PATH = "gateways/shop/edge/"
HOSTS = [{"host": "*", "service": "shop/catalog"}, {"host": "shop.example.org", "service": "shop/catalog"}]


@pytest.fixture
def gateway(operator: Api) -> Any:
    return operator.post("gateways/", {"namespace": "shop", "name": "edge", "hosts": HOSTS})


def test_a_gateway_is_made_with_its_hosts(operator: Api, gateway: Any) -> None:
    assert gateway.status == 201
    shown = operator.get(PATH)
    assert (shown.body["id"], shown.body["hosts"]) == ("shop/edge", HOSTS)
    assert shown.etag == gateway.etag
    assert [item["id"] for item in operator.get("gateways/").body["results"]] == ["shop/edge"]
    again = operator.post("gateways/", {"namespace": "shop", "name": "edge", "hosts": []})
    assert again.status == 409


def test_its_proxies_are_told_of_new_hosts(operator: Api, gateway: Any) -> None:
    row = get_gateway("shop/edge")
    Proxy.objects.create(id="px", name="one", service=row, version=row.versions.get(), redis_password_sha256="0")
    Outbox.objects.all().delete()
    done = operator.change("PUT", PATH, {"hosts": HOSTS[:1]})
    assert (done.status, done.body["hosts"]) == (200, HOSTS[:1])
    assert [(row.kind, row.name) for row in Outbox.objects.all()] == [("proxy", "px")]
    assert Change.objects.get(revision_id=done.body["revision"]).summary == "- shop.example.org"
    assert operator.change("PUT", PATH, {"hosts": HOSTS[:1]}).body["revision"] is None
    assert operator.change("DELETE", PATH).status == 204
    assert not Proxy.objects.exists()
    assert operator.get(PATH).status == 404


def test_conditions_hold(operator: Api, gateway: Any) -> None:
    operator.change("PUT", PATH, {"hosts": []})
    before = everything()
    assert operator.call("PUT", PATH, {"hosts": HOSTS}, If_Match=gateway.etag).status == 412
    assert operator.call("PUT", PATH, {"hosts": HOSTS}).status == 428
    assert operator.call("PUT", "gateways/shop/none/", {"hosts": HOSTS}, If_Match="*").status == 404
    dry = operator.change("PUT", f"{PATH}?dry_run=1", {"hosts": HOSTS})
    assert (dry.body["hosts"], dry.body["revision"]) == (HOSTS, None)
    assert everything() == before


@pytest.mark.parametrize(
    ("host", "service", "paths"),
    [
        ("Shop.Example.org", "shop/catalog", {"hosts.0.host": "invalid"}),
        ("a*.example.org", "shop/catalog", {"hosts.0.host": "invalid"}),
        ("shop.example.org:80", "shop/catalog", {"hosts.0.host": "invalid"}),
        ("a..b", "shop/catalog", {"hosts.0.host": "invalid"}),
        ("*", "shop/nothing", {"hosts.0.service": "unknown_service"}),
        ("*", "bank/ledger", {"hosts.0.service": "unknown_service"}),
        ("*", "catalog", {"hosts.0.service": "invalid"}),
    ],
)
def test_bad_hosts_are_refused(operator: Api, gateway: Any, host: str, service: str, paths: dict[str, str]) -> None:
    before = everything()
    refused = operator.change("PUT", PATH, {"hosts": [{"host": host, "service": service}]})
    assert (refused.status, refused.paths()) == (400, paths)
    assert everything() == before


def test_a_host_stands_once(operator: Api, gateway: Any) -> None:
    assert operator.change("PUT", PATH, {"hosts": [HOSTS[0], HOSTS[0]]}).paths() == {"hosts.1.host": "duplicate"}
