"""Folding reports: sums that do not depend on order, and reports that say what cannot be."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshui.telemetry.fold import MAX_EDGES, UNKNOWN, Fold, Identity, Nonsense, Registry, Seen
from meshui.telemetry.frames import SECURED, Frame, FrameError, decode, edge_key, encode, total
from proxies.wire.histogram import BUCKETS
from proxies.wire.reports import EdgeDelta, Responses, Telemetry
from tests.meshui.telemetry.mesh import call

REGISTRY = Registry(
    proxies={"front": Identity("shop/frontend", "v1"), "cat": Identity("shop/catalog", "v2")},
    services={
        "shop/frontend": frozenset({"v1"}),
        "shop/catalog": frozenset({"v1", "v2"}),
        "shop/cart": frozenset({"v1"}),
    },
)


def report(*edges: EdgeDelta, proxy: str = "front", seq: int = 1, boot: int = 1, dropped: int = 0) -> Telemetry:
    return Telemetry(proxy=proxy, boot=boot, seq=seq, at=0.0, edges=list(edges), dropped=dropped)


def fold(*reports: Telemetry) -> Frame:
    """What a collector does, without its streams."""
    sums, seen = Fold(), Seen()
    for each in reports:
        if seen.first(each.proxy, each.boot, each.seq):
            sums.add(each, REGISTRY.proxies[each.proxy], REGISTRY)
        else:
            sums.duplicates += 1
    return sums.frame(1.0)


def content(frame: Frame) -> object:
    histograms = frame.histograms
    return (
        frame.keys,
        frame.counts.tolist(),
        [part.tolist() for part in (histograms.rows, histograms.buckets, histograms.hits)],
        frame.flags,
        frame.reports,
        frame.dropped,
    )


# --- who may say what -------------------------------------------------------------------------------------------


def test_the_source_is_who_reports_whatever_it_says() -> None:
    lie = call("shop/catalog", codes={200: 1}, source="shop/cart")
    assert edge_key(fold(report(lie)).keys[0])[:2] == ("shop/frontend", "v1")


def test_made_up_services_and_versions_are_unknown() -> None:
    frame = fold(report(call("evil/made-up", codes={200: 1}), call("shop/catalog", "v9", codes={200: 1})))
    assert [edge_key(key)[2:4] for key in frame.keys] == [("shop/catalog", ""), (UNKNOWN, "")]


def test_the_destinations_account_counts_only_for_sources_outside_the_mesh() -> None:
    inside = call("shop/cart", codes={200: 5}, reporter="destination", source="shop/frontend")
    outside = call("shop/cart", codes={200: 3}, reporter="destination", source=UNKNOWN)
    frame = fold(report(inside, outside, proxy="cat"))
    assert [edge_key(key)[:4] for key in frame.keys] == [(UNKNOWN, "", "shop/catalog", "v2")]
    assert frame.counts[0, :6].sum() == 3


def test_probes_of_the_registry_are_no_traffic() -> None:
    probe = call("shop/cart", codes={200: 5}, reporter="destination", source="meshui/registry")
    assert fold(report(probe, proxy="cat")).keys == []


# --- nonsense ---------------------------------------------------------------------------------------------------


def spoiled(**fields: object) -> EdgeDelta:
    return msgspec.structs.replace(call("shop/catalog", codes={200: 3}, ms=[1, 2, 3]), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "edge",
    [
        spoiled(responses=[Responses(200, "", -1)]),
        spoiled(responses=[Responses(200, "", 1 << 40)]),
        spoiled(responses=[Responses(99, "", 3)]),
        spoiled(responses=[Responses(600, "", 3)]),
        spoiled(responses=[Responses(200, "<script>", 3)]),
        spoiled(responses=[Responses(200, "", 0)] * 300),
        spoiled(request_bytes=-1),
        spoiled(response_bytes=1 << 60),
        spoiled(protocol="http\tv1"),
        spoiled(histogram=[1]),
        spoiled(histogram=[-1, 1]),
        spoiled(histogram=[BUCKETS, 1]),
        spoiled(histogram=[1, -1]),
        spoiled(histogram=[1, 4]),
        spoiled(histogram=[1 << 62, 1 << 62]),
    ],
)
def test_nonsense_is_refused_whole(edge: EdgeDelta) -> None:
    sums = Fold()
    good = call("shop/cart", codes={200: 1})
    with pytest.raises(Nonsense):
        sums.add(report(good, edge), REGISTRY.proxies["front"], REGISTRY)
    assert sums.frame(1.0).keys == []


def test_too_many_edges_are_refused() -> None:
    edges = [call("shop/cart", codes={200: 1})] * (MAX_EDGES + 1)
    with pytest.raises(Nonsense):
        Fold().add(report(*edges), REGISTRY.proxies["front"], REGISTRY)


@pytest.mark.parametrize(("flags", "secured"), [("FI", 7), ("UH", 7), ("UC", 5), ("", 5)])
def test_what_never_left_its_caller_was_not_in_the_clear(flags: str, secured: int) -> None:
    sent = call("shop/cart", codes={200: 5}, secured=True)
    refused = call("shop/cart", codes={503: 2}, flags=flags, secured=False)
    frame = fold(report(sent, refused))
    assert frame.counts[:, SECURED].sum() == secured


# --- sums -------------------------------------------------------------------------------------------------------

edges = st.builds(
    lambda target, version, good, bad, ms, secured: call(
        target, version, codes={200: good + len(ms), 503: bad}, flags="UH", ms=ms, secured=secured
    ),
    st.sampled_from(["shop/catalog", "shop/cart", "elsewhere"]),
    st.sampled_from(["v1", "v2"]),
    st.integers(0, 50),
    st.integers(0, 5),
    st.lists(st.floats(0.1, 60_000), max_size=6),
    st.booleans(),
)
reports = st.lists(st.tuples(st.sampled_from(["front", "cat"]), st.lists(edges, max_size=4)), max_size=8).map(
    lambda drawn: [report(*each, proxy=proxy, seq=seq) for seq, (proxy, each) in enumerate(drawn)]
)


@settings(max_examples=60, deadline=None)
@given(reports, st.randoms(use_true_random=False))
def test_any_order_and_any_duplication_gives_the_same_sums(sent: list[Telemetry], rng: random.Random) -> None:
    shuffled = [*sent, *rng.choices(sent, k=5)] if sent else []
    rng.shuffle(shuffled)
    assert content(fold(*shuffled)) == content(fold(*sent))
    assert fold(*shuffled).duplicates == len(shuffled) - len(sent)


@settings(max_examples=60, deadline=None)
@given(reports, st.integers(0, 8))
def test_frames_add_up_to_the_frame_of_everything(sent: list[Telemetry], cut: int) -> None:
    parts = total(1.0, [fold(*sent[:cut]), fold(*sent[cut:])])
    assert content(parts) == content(fold(*sent))


@settings(max_examples=30, deadline=None)
@given(reports)
def test_a_frame_survives_its_encoding(sent: list[Telemetry]) -> None:
    frame = replace(fold(*sent), refused={"forged": 2})
    again = decode(encode(frame))
    assert content(again) == content(frame)
    assert (again.at, again.refused) == (1.0, {"forged": 2})


def test_bytes_that_are_no_frame_are_refused() -> None:
    for data in (b"", b"frame", encode(fold())[:-3]):
        with pytest.raises(FrameError):
            decode(data)


def test_the_histograms_of_a_frame_are_ordered_and_each_bucket_stands_once() -> None:
    frame = fold(*[report(call("shop/cart", codes={200: 2}, ms=[9, 3]), seq=seq) for seq in range(4)])
    assert frame.histograms.hits.tolist() == [4, 4]
    assert (np.diff(frame.histograms.buckets) > 0).all()


# --- what was seen ----------------------------------------------------------------------------------------------


def test_a_report_counts_once_in_any_order() -> None:
    seen = Seen()
    assert [seen.first("p", 1, seq) for seq in (5, 4, 5, 6, 4, 80, 79, 80)] == [
        True, True, False, True, False, True, True, False,
    ]  # fmt: skip
    assert not seen.first("p", 1, 6)  # too far below the newest to be told apart
    assert seen.first("p", 2, 6)  # another process
    assert seen.first("q", 1, 6)  # another proxy


def test_what_is_seen_is_bounded_and_forgets_who_is_gone() -> None:
    seen = Seen()
    for boot in range(50):
        seen.first("p", boot, 1)
    assert len(seen.state["p"]) == Seen.BOOTS
    seen.forget({})
    assert seen.state == {}
