"""The order of spans, whatever arrived of them."""

from __future__ import annotations

from meshui.traces.tree import Place, order


def test_parents_come_before_their_children_and_siblings_in_the_order_given() -> None:
    parents = {"a": "", "b": "a", "c": "a", "d": "b"}
    assert order(parents, parents) == [
        Place("a", None, 0, False),
        Place("b", "a", 1, False),
        Place("d", "b", 2, False),
        Place("c", "a", 1, False),
    ]


def test_a_child_may_arrive_before_its_parent() -> None:
    assert [place.span_id for place in order({"child": "root", "root": ""}, {"child", "root"})] == ["root", "child"]


def test_a_span_whose_parent_is_missing_is_an_orphan() -> None:
    assert order({"a": "gone"}, {"a"}) == [Place("a", None, 0, True)]


def test_what_may_not_be_seen_leaves_no_gap() -> None:
    parents = {"a": "", "hidden": "a", "hidden too": "hidden", "b": "hidden too"}
    assert order(parents, {"a", "b"}) == [Place("a", None, 0, False), Place("b", "a", 1, False)]


def test_a_circle_is_shown_once() -> None:
    places = order({"a": "b", "b": "a", "c": "c"}, {"a", "b", "c"})
    assert sorted(place.span_id for place in places) == ["a", "b", "c"]


def test_a_long_chain_is_walked_without_recursion() -> None:
    parents = {str(n): str(n - 1) if n else "" for n in range(5000)}
    assert order(parents, parents)[-1].depth == 4999
