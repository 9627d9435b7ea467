"""The table of states, row by row: any two proxies accept each other in every state and across every step."""

from __future__ import annotations

import pytest

from meshui.rotation.states import BACK, FORWARD, OVER, STEPS, State


def test_forward_and_back_lead_to_an_end() -> None:
    for way in (FORWARD, BACK):
        assert [STEPS[state].then for state in way] == [*way[1:], None]
    assert {state for state in STEPS if STEPS[state].then is None} == set(OVER)


@pytest.mark.parametrize("state", STEPS)
def test_what_signs_is_trusted(state: State) -> None:
    assert STEPS[state].signs in STEPS[state].trusts


STEPS_TAKEN = [
    *((state, STEPS[state].then) for state in STEPS if STEPS[state].then),
    *((state, "withdrawing") for state in STEPS if STEPS[state].abortable),
]


@pytest.mark.parametrize(("state", "following"), STEPS_TAKEN)
def test_no_step_leaves_somebody_with_what_others_do_not_trust(state: State, following: State) -> None:
    before, after = STEPS[state], STEPS[following]
    assert after.signs in before.trusts, "a proxy that has not heard of the step accepts what is signed in it"
    if after.trusts != before.trusts and len(after.trusts) < len(before.trusts):
        assert before.gate == "leaves", "trust ends only once nothing is under the root"
        assert before.signs == after.signs


def test_a_root_signs_only_once_everybody_trusts_it() -> None:
    assert STEPS["publishing"].gate == "bundle"
    assert STEPS["reissuing"].signs == "new"


def test_it_can_be_withdrawn_until_trust_in_the_old_root_ends() -> None:
    assert {state for state in FORWARD if STEPS[state].abortable} == {
        state for state in FORWARD if "old" in STEPS[state].trusts
    }
