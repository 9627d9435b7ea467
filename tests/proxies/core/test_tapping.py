"""Which requests a tap wants."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxies.core.tapping import compile_filters, compile_glob
from proxies.wire.taps import TapOrder, encode_order, read_order
from tests.proxies.core.requests import request


def order(**filters: Any) -> TapOrder:
    made = TapOrder(id="t", until=1.0, side="source", **filters)
    return read_order(encode_order(made))


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, True),
        ({"method": "GET"}, True),
        ({"method": "POST"}, False),
        ({"path": "/cart"}, False),
        ({"path": "/cart/7"}, True),
        ({"path": "/cart/*"}, True),
        ({"path": "*/7"}, True),
        ({"source": "shop/frontend"}, True),
        ({"source": "shop/other"}, False),
        ({"destination": "shop/cart"}, True),
        ({"destination": "unknown"}, False),
        ({"code": "503"}, True),
        ({"code": "5xx"}, True),
        ({"code": "4xx"}, False),
        ({"code": "0"}, False),
        ({"flag": "URX"}, True),
        ({"flag": "U"}, False),
        ({"header": "x-user"}, True),
        ({"header": "x-user", "value": "ann"}, True),
        ({"header": "x-user", "value": "an"}, False),
        ({"header": "x-none"}, False),
        ({"method": "GET", "code": "5xx", "path": "/other"}, False),
    ],
)
def test_a_request_must_meet_every_filter(filters: dict[str, str], wanted: bool) -> None:
    head = request("/cart/7?a=b", "X-User: ann")
    assert compile_filters(order(**filters))(head, "shop/frontend", "shop/cart", 503, "UF,URX") is wanted


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("", "/x", True),
        ("*", "/x", True),
        ("/a*b*c", "/abc", True),
        ("/a*b*c", "/aXbYbZc", True),
        ("/a*b*c", "/acb", False),
        ("/a*a", "/a", False),
        ("/a*a", "/aa", True),
        ("*aa*aa*", "/aaa", False),
        ("*aa*aa*", "/aaaa", True),
        ("/a**b", "/ab", True),
        ("*" * 100 + "b", "/" + "a" * 5000, False),
    ],
)
def test_a_star_stands_for_anything(pattern: str, path: str, matches: bool) -> None:
    assert compile_glob(pattern.encode())(path.encode()) is matches


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"rate": 51},
        {"share": 0},
        {"share": 1.1},
        {"side": "both"},
        {"id": "a b"},
        {"code": "600"},
        {"path": "cart"},
        {"header": "X-User"},
        {"redact": ["x"] * 51},
        {"unknown_filter": "x"},
    ],
)
def test_an_order_that_says_what_cannot_be_is_no_order(wrong: dict[str, Any]) -> None:
    data = msgspec.msgpack.encode({"id": "t", "until": 1.0, "side": "source"} | wrong)
    with pytest.raises(msgspec.DecodeError):
        read_order(data)
