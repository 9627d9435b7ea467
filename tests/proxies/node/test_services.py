"""The file of a node proxy: what it says, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proxies.node.services import NodeOptions, parse
from proxies.wire import resources as wire
from proxies.wire.resources import ResourceError

CART: dict[str, Any] = {
    "service": "shop/cart",
    "name": "cart-1",
    "token_file": "cart.token",
    "inbound": "10.0.0.5:15006",
    "app": "127.0.0.1:9000",
    "outbound": "127.0.0.1:15001",
    "tcp": ["shop/db=127.0.0.1:15432"],
}
QUEUE: dict[str, Any] = {"service": "shop/queue", "name": "queue-1", "token_file": "/etc/q", "outbound": "[::1]:15002"}


def options(folder: Path, *services: dict[str, Any], text: str = "") -> NodeOptions:
    file = folder / "node.json"
    file.write_text(text or json.dumps({"services": services}))
    words = f"--node {file} --join http://127.0.0.1:1 --state {folder}/state --admin 127.0.0.1:15020"
    return parse(words.split())


def test_each_service_has_its_own_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHUI_JOIN_TOKEN", "everybody's")
    (tmp_path / "cart.token").write_text("mine\n")
    found = options(tmp_path, CART, QUEUE).services()
    cart, queue = found["cart-1"], found["queue-1"]
    assert (cart.service, cart.state, cart.token(), cart.node) == (
        "shop/cart",
        tmp_path / "state" / "cart-1",
        "mine",
        True,
    )
    assert cart.admin == queue.admin == ("127.0.0.1", 15020)
    assert queue.token() == ""
    assert queue.listeners() == [wire.OutboundListener(address="::1", port=15002)]
    assert cart.listeners()[2] == wire.TcpListener(address="127.0.0.1", port=15432, service="shop/db")
    assert options(tmp_path, CART).services()["cart-1"] == cart


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ([], r"length >= 1"),
        ([{**CART, "service": "cart"}], r"\$\.services\[0\]\.service"),
        ([{**CART, "name": "../up"}], r"\$\.services\[0\]\.name"),
        ([{**CART, "retries": 3}], r"retries"),
        ([{**CART, "app": ""}], r"services\[0\]\.inbound: goes with app"),
        ([{**CART, "inbound": "nowhere"}], r"services\[0\]\.inbound: 'nowhere'"),
        ([{**CART, "tcp": ["shop/db"]}], r"services\[0\]\.tcp\[0\]"),
        ([{**QUEUE, "dns": "10.0.0.5:53"}], r"services\[0\]\.dns"),
        ([{**QUEUE, "outbound": ""}], r"services\[0\]: has nothing to listen on"),
        ([CART, {**QUEUE, "name": "cart-1"}], "two services are named 'cart-1'"),
        ([CART, {**QUEUE, "outbound": "127.0.0.1:15432"}], "two listeners at 127.0.0.1:15432"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(tmp_path: Path, services: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ResourceError, match=why):
        options(tmp_path, *services).services()


def test_no_json_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="truncated"):
        options(tmp_path, text="{").services()
    missing = options(tmp_path, CART)
    missing.file.unlink()
    with pytest.raises(ResourceError, match="No such file"):
        missing.services()
