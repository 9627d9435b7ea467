from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings

from meshui.core.errors import Throttled
from meshui.security import pace
from meshui.security.models import SigningPace


@pytest.fixture
def slow(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One signature a second, and three at once after a rest."""
    monkeypatch.setattr(settings, "MESHUI", replace(settings.MESHUI, csr_rate=1))
    monkeypatch.setattr(pace, "BURST_S", 2.5)


def test_a_burst_is_signed_and_the_rest_come_one_after_the_other(slow: None) -> None:
    for _ in range(3):
        pace.take_turn()
    waits = []
    for _ in range(4):
        with pytest.raises(Throttled) as refused:
            pace.take_turn()
        waits.append(refused.value.retry_after)
    assert waits == sorted(waits) and waits[-1] - waits[0] == 3


def test_nobody_is_sent_away_for_longer_than_the_longest_wait(slow: None) -> None:
    waits = []
    for _ in range(100):
        try:
            pace.take_turn()
        except Throttled as refused:
            waits.append(refused.retry_after)
    assert max(waits) <= pace.LONGEST_WAIT_S + 2


def test_after_a_rest_there_is_no_queue(slow: None) -> None:
    for _ in range(3):
        pace.take_turn()
    long_ago = "2020-01-01T00:00:00Z"
    SigningPace.objects.update(due=long_ago, promised=long_ago)
    pace.take_turn()
