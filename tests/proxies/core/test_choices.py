"""The pure choices: paths, hosts, splits, trace ids, identities."""

from __future__ import annotations

import uuid
from random import randbytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.errors import BadMessage
from proxies.core.hosts import HostTable
from proxies.core.identity import service_of
from proxies.core.paths import normalise, split_authority, split_target
from proxies.core.split import compile_split
from proxies.core.trace import Ids, is_request_id, is_traceparent
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


def test_new_ids_are_valid() -> None:
    ids = Ids(randbytes)
    traces = [ids.traceparent() for _ in range(200)]
    requests = [ids.request_id() for _ in range(200)]
    assert all(is_traceparent(trace) for trace in traces)
    assert all(uuid.UUID(found.decode()).version == 4 and is_request_id(found) for found in requests)
    assert len({*traces, *requests}) == 400


def test_a_new_trace_has_no_id_of_zeros() -> None:
    pools = iter([bytes(48), bytes(range(48))])
    assert is_traceparent(Ids(lambda _: next(pools)).traceparent())


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
