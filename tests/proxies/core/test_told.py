"""What is told of a request: names, and only the values that routes compare."""

from __future__ import annotations

from proxies.core.head import read_request
from proxies.core.told import MAX_NAMES, MAX_PATH, Compared, compared_by, tell
from proxies.wire.routing import FieldMatch, HeaderMatch, Route, RouteMatch

HEAD = (
    b"GET /items/7?q=a%20b&token=secret HTTP/1.1\r\nHost: Catalog.shop.mesh\r\nX-Tier: gold\r\n"
    b"Authorization: Bearer secret\r\nCookie: who=ana; session=secret"
)


def test_only_what_routes_compare_is_told() -> None:
    compared = Compared(frozenset({"x-tier"}), frozenset({"q"}), frozenset({"who"}))
    told = tell(read_request(HEAD), compared)
    assert told is not None
    assert (told.method, told.host, told.path) == ("GET", "catalog.shop.mesh", "/items/7")
    assert dict(told.query) == {"q": "a b", "token": None}
    assert dict(told.headers) == {"host": None, "x-tier": "gold", "authorization": None, "cookie": None}
    assert dict(told.cookies) == {"who": "ana", "session": None}
    assert "secret" not in repr(told)


def test_without_such_routes_no_value_is_told() -> None:
    told = tell(read_request(HEAD), Compared())
    assert told is not None
    assert {value for _, value in (*told.query, *told.headers, *told.cookies)} == {None}


def test_what_routes_compare() -> None:
    match = RouteMatch(
        headers=[HeaderMatch(name="x-tier", kind="exact", value="gold")],
        query=[FieldMatch(name="q", kind="present")],
        cookies=[FieldMatch(name="who", kind="exact", value="ana")],
    )
    assert compared_by([Route(name="a", match=match), Route(name="b")]) == Compared(
        frozenset({"x-tier"}), frozenset({"q"}), frozenset({"who"})
    )


def test_what_is_long_or_many_is_left_out() -> None:
    assert tell(read_request(b"GET /" + b"a" * MAX_PATH + b" HTTP/1.1\r\nHost: a"), Compared()) is None
    names = b"&".join(b"n%d=1" % n for n in range(MAX_NAMES + 5))
    told = tell(read_request(b"GET /?" + names + b" HTTP/1.1\r\nHost: a"), Compared())
    assert told is not None and len(told.query) == MAX_NAMES
