"""The pure choices: paths, hosts, splits, trace ids, identities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.errors import BadMessage
from proxies.core.hosts import HostTable
from proxies.core.identity import service_of
from proxies.core.paths import normalise, split_authority, split_target
from proxies.core.split import compile_split
from proxies.core.trace import is_request_id, is_traceparent, new_request_id, new_traceparent
from proxies.wire.routing import WeightedVersion
from tests.proxies.core.requests import Stranger, request


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"//a///b//", b"/a/b/"),
        (b"/a/./b/../c", b"/a/c"),
        (b"/../../a", b"/a"),
        (b"/a/..", b"/"),
        (b"/a/b/..", b"/a/"),
        (b"/%61%2E%2e/b", b"/a../b"),
        (b"/a/%2e%2E/b", b"/b"),
        (b"/%e2%82%ac", b"/%E2%82%AC"),
        (b"/%252e", b"/%252e"),
        (b"/a;p=1/b", b"/a;p=1/b"),
    ],
)
def test_paths_have_one_form(path: bytes, normal: bytes) -> None:
    assert normalise(path) == normal
    assert split_target(path + b"?q#"[:2]) == (normal, b"?q")


@given(st.text("/.%2eEfF5caA~;", max_size=30))
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        once = normalise(b"/" + text.encode())
    except BadMessage:
        return
    assert normalise(once) == once
    assert b"//" not in once
    assert not {b".", b".."} & set(once.split(b"/"))


@given(st.binary(max_size=40))
def test_a_target_is_refused_or_clean(data: bytes) -> None:
    try:
        path, query = split_target(b"/" + data)
    except BadMessage:
        return
    assert all(0x21 <= byte <= 0x7E and byte not in b"#" for byte in path + query)


@pytest.mark.parametrize(
    ("authority", "split"),
    [
        (b"A.b", (b"a.b", None)),
        (b"a:80", (b"a", 80)),
        (b"[::1]:8080", (b"[::1]", 8080)),
        (b"127.0.0.1:1", (b"127.0.0.1", 1)),
    ],
)
def test_authorities(authority: bytes, split: tuple[bytes, int | None]) -> None:
    assert split_authority(authority) == split


@pytest.mark.parametrize("authority", [b"", b"a:", b"a:b", b"a:65536", b"a b", b"u@a", b"a/b", b"::1", b"[::1", b"a,b"])
def test_what_is_no_authority(authority: bytes) -> None:
    with pytest.raises(BadMessage):
        split_authority(authority)


def test_the_most_specific_host_wins() -> None:
    table = HostTable([("*", "any"), ("*.b", "suffix"), ("*.a.b", "longer"), ("X.b", "exact"), ("x.b", "late")])
    asked = {b"x.b": "exact", b"y.b": "suffix", b"y.a.b": "longer", b"b": "any", b"ab": "any"}
    assert {host: table.find(host) for host in asked} == asked
    assert HostTable([("a", 1)]).find(b"b") is None
    assert HostTable([("*.a", 1)]).find(b"a") is None


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True))
def test_a_share_falls_to_the_version_whose_interval_holds_it(weights: list[int], share: float) -> None:
    split = [WeightedVersion(version=f"v{number}", weight=weight) for number, weight in enumerate(weights)]
    chosen = compile_split(split, str, lambda: share)(request(), Stranger())
    if not any(weights):
        assert chosen is None
        return
    assert chosen is not None
    index = int(chosen[1:])
    assert weights[index] > 0
    low, high = sum(weights[:index]) / sum(weights), sum(weights[: index + 1]) / sum(weights)
    assert low - 1e-9 <= share <= high + 1e-9


@given(st.integers(0, 2**192 - 1))
def test_new_ids_are_valid(bits: int) -> None:
    assert is_traceparent(new_traceparent(bits))
    request_id = new_request_id(bits & (2**128 - 1))
    assert is_request_id(request_id)
    assert (request_id[14:15], request_id[19:20] in (b"8", b"9", b"a", b"b")) == (b"4", True)


TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (TRACE, True),
        (b"01" + TRACE[2:] + b"-more", True),
        (TRACE + b"-more", False),
        (b"ff" + TRACE[2:], False),
        (TRACE.upper(), False),
        (TRACE[:-1], False),
        (b"00-" + b"0" * 32 + TRACE[35:], False),
        (TRACE[:36] + b"0" * 16 + b"-01", False),
    ],
)
def test_which_traceparents_are_valid(value: bytes, valid: bool) -> None:
    assert is_traceparent(value) is valid


@pytest.mark.parametrize(
    ("identity", "service"),
    [
        ("spiffe://a.mesh/ns/shop/svc/cart", "shop/cart"),
        ("spiffe://b.mesh/ns/shop/svc/cart", None),
        ("spiffe://a.mesh/ns/shop/svc/cart/x", None),
        ("spiffe://a.mesh/ns/shop", None),
        ("https://a.mesh/ns/shop/svc/cart", None),
        ("spiffe:///ns/shop/svc/cart", None),
    ],
)
def test_services_by_identity(identity: str, service: str | None) -> None:
    assert service_of(identity, "a.mesh") == service
    assert service_of(identity, "") is None
