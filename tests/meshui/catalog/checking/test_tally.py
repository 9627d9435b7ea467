from __future__ import annotations

import pytest

from meshui.catalog.checking.tally import Tally


def verdicts(tally: Tally, answers: str) -> str:
    """The verdict after each answer, ``+`` or ``-`` where it is new, else ``.``."""
    return "".join(("+" if tally.passing else "-") if tally.count(answer == "+") else "." for answer in answers)


@pytest.mark.parametrize(
    ("passing", "answers", "expected"),
    [
        (True, "---", "..-"),
        (True, "--+--+---", "........-"),
        (False, "+-++", "...+"),
        (None, "-", "-"),
        (None, "+---", "+..-"),
        (True, "++++", "...."),
    ],
)
def test_a_verdict_takes_its_answers_in_a_row_but_for_the_first(
    passing: bool | None, answers: str, expected: str
) -> None:
    assert verdicts(Tally(passing, healthy_after=2, unhealthy_after=3), answers) == expected
