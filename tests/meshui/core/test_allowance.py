from __future__ import annotations

import pytest

from meshui.core import allowance
from meshui.core.allowance import Allowance


def test_what_was_not_taken_is_left_for_a_burst_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])
    allowed = Allowance(10, burst_s=3)
    assert allowed.left == 30
    allowed.take(30)
    assert allowed.left == 0
    now[0] += 0.25
    assert allowed.left == 2
    now[0] += 1000
    assert allowed.left == 30
