"""A change is answered whatever the broker does: the push is a courtesy, the reconciler is the promise."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app

from meshui.core import commits
from tests.proxies.agent.mesh import Valkey

DEADLINE_S = 10


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """A broker of the test's own, which was used already: a connection to it is pooled."""
    valkey = Valkey(tmp_path, range(25_000, 26_000))
    valkey.start()
    monkeypatch.setattr(current_app.conf, "broker_write_url", valkey.server.url)
    commits._broker.cache_clear()
    try:
        commits.push_soon()
        assert valkey.client.llen("meshui") == 1
        yield valkey
    finally:
        valkey.stop()
        commits._broker.cache_clear()


def push_ends() -> bool:
    pushing = threading.Thread(target=commits.push_soon, daemon=True)
    pushing.start()
    pushing.join(DEADLINE_S)
    return not pushing.is_alive()


def test_a_broker_that_hangs_holds_nobody_up(broker: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    broker.signal(signal.SIGSTOP)
    try:
        with caplog.at_level(logging.WARNING):
            assert push_ends(), "with the pooled connection"
            assert push_ends(), "with a new one"
    finally:
        broker.signal(signal.SIGCONT)
    assert caplog.text.count("push not enqueued") == 2
    commits.push_soon()
    assert broker.client.llen("meshui") >= 2


def test_a_broker_that_is_down_holds_nobody_up(broker: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    broker.kill()
    with caplog.at_level(logging.WARNING):
        assert push_ends() and push_ends()
    assert caplog.text.count("push not enqueued") == 2
