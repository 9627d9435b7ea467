from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from meshui.rotation.decide import SETTLING, UNDER_WAY, Wait, missing, to_order, wait
from meshui.rotation.facts import Facts, ProxyFact
from meshui.rotation.states import STEPS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = timedelta(seconds=1)
PROXY = ProxyFact(
    id="px-1",
    service="shop/catalog",
    name="one",
    joined_at=NOW - timedelta(days=1),
    last_seen_at=NOW,
    ends_at=NOW + timedelta(hours=12),
    offline=False,
    took=True,
    refusal="",
    holds=True,
    others=(),
    ordered_at=None,
)
FACTS = Facts(
    now=NOW, published=True, failure="", proxies=(PROXY,), last_replaced_at=NOW - timedelta(minutes=1), registry=False
)
BEHIND = replace(PROXY, holds=False, others=("a1",))


def reason(state: str, facts: Facts, *passed: str) -> str:
    return wait(STEPS[state], facts, passed).reason  # type: ignore[index]


def with_proxy(**changes: object) -> Facts:
    return replace(FACTS, proxies=(replace(PROXY, **changes),))  # type: ignore[arg-type]


def test_the_bundle_waits_for_its_publication_and_for_everybody() -> None:
    for state in ("publishing", "removing", "dropping"):
        assert reason(state, FACTS) == ""
        assert reason(state, replace(FACTS, published=False)) == "publication"
        assert reason(state, with_proxy(took=False)) == "acknowledgements"
        assert reason(state, with_proxy(took=False, refusal="no")) == "acknowledgements"


def test_a_proxy_that_is_silent_is_waited_for_until_its_certificate_ends() -> None:
    assert reason("publishing", with_proxy(took=False, offline=True)) == "acknowledgements"
    ended = {"took": False, "holds": False, "offline": True, "ends_at": NOW}
    assert reason("publishing", with_proxy(**ended)) == ""
    assert reason("retiring", with_proxy(**ended)) == ""
    assert reason("reissuing", with_proxy(**(ended | {"offline": False}))) == "certificates", "it is there, and renews"


def test_who_was_passed_over_is_not_waited_for() -> None:
    for state, facts in (("publishing", with_proxy(took=False)), ("retiring", with_proxy(holds=False))):
        assert reason(state, facts, "px-2") != ""
        assert reason(state, facts, "px-1") == ""
        assert missing("bundle", facts, {"px-1"}) == []


def test_certificates_count_by_what_is_reported() -> None:
    for state in ("reissuing", "retiring", "withdrawing"):
        assert reason(state, with_proxy(holds=False)) == "certificates"
        assert reason(state, FACTS) == ""


def test_leaves_settle_before_trust_in_their_root_ends() -> None:
    just = replace(FACTS, last_replaced_at=NOW - SOON)
    assert reason("reissuing", just) == ""
    for state in ("retiring", "withdrawing"):
        assert wait(STEPS[state], just, ()) == Wait("settling", NOW - SOON + SETTLING)  # type: ignore[index]
        assert reason(state, replace(FACTS, registry=True)) == "registry"
        assert reason(state, replace(FACTS, last_replaced_at=None)) == "", "nothing was ever signed under it"


def test_what_is_over_waits_for_nothing() -> None:
    assert reason("done", with_proxy(took=False, holds=False)) == ""


def test_renewals_are_ordered_so_many_at_a_time() -> None:
    several = [replace(BEHIND, id=f"px-{number}") for number in range(5)]
    step = STEPS["reissuing"]
    assert [p.id for p in to_order(step, replace(FACTS, proxies=several), 2)] == ["px-0", "px-1"]
    busy = replace(BEHIND, id="busy", ordered_at=NOW - SOON)
    assert [p.id for p in to_order(step, replace(FACTS, proxies=[busy, *several]), 2)] == ["px-0"]
    stuck = [replace(busy, ordered_at=NOW - UNDER_WAY), replace(busy, offline=True)]
    assert len(to_order(step, replace(FACTS, proxies=[*stuck, *several]), 2)) == 2, "they hold nobody up"
    assert to_order(step, FACTS, 2) == []
    assert to_order(STEPS["publishing"], replace(FACTS, proxies=several), 2) == []
