"""The checker against real instances: it turns them, lets them go, and harms nobody by its own absence."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from meshui.catalog.checking import checker as checking
from meshui.catalog.checking.checker import Checker
from meshui.catalog.checks import Check, HttpCheck, TcpCheck
from meshui.catalog.models import Instance, Service
from meshui.catalog.selectors import CHECKS_RUN, observed_since
from meshui.catalog.services import health_check_set, instance_register
from meshui.core.models import Change
from tests.meshui.conftest import SETUP
from tests.support.app import App, running_app

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = HttpCheck(path="/healthz", interval_ms=20, timeout_ms=20, unhealthy_after=2)
WAIT_S = 20.0


class NoCredentials:
    context: ssl.SSLContext | None = None
    plaintext: frozenset[str] = frozenset()

    def refresh(self) -> None:
        raise AssertionError("no sidecar is asked")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(checking, "SPREAD_S", 0.01)


@pytest.fixture
def app(catalog: Service) -> Iterator[App]:
    """An instance ``c-1`` of ``shop/catalog``."""
    with running_app() as running:
        address = {"address": "127.0.0.1", "port": running.port}
        instance_register(actor=SETUP, service="shop/catalog", version="v1", instance_id="c-1", **address)
        yield running


def set_check(check: Check | None) -> None:
    health_check_set(actor=SETUP, service="shop/catalog", check=check)


@asynccontextmanager
async def running_checker() -> AsyncIterator[None]:
    task = asyncio.create_task(Checker(NoCredentials()).check())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Any], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not await sync_to_async(condition)():
        assert asyncio.get_running_loop().time() < deadline, f"not within {WAIT_S} s: {what}"
        await asyncio.sleep(0.02)


def instance() -> Instance:
    return Instance.objects.get(pk="c-1")


def status_is(status: str) -> Callable[[], bool]:
    return lambda: instance().status == status


def verdict_is(passing: bool | None) -> Callable[[], bool]:
    return lambda: instance().check_passing is passing


async def test_an_instance_turns_critical_and_back_with_its_app(app: App) -> None:
    await sync_to_async(set_check)(QUICK)
    async with running_checker():
        await until(verdict_is(True), "a first verdict")
        app.status = 503
        await until(status_is("critical"), "critical")
        assert (await sync_to_async(instance)()).check_output == "503 Service Unavailable"
        app.status = 200
        await until(status_is("passing"), "passing again")
    actions = await sync_to_async(lambda: list(Change.objects.order_by("-id").values_list("action", flat=True)[:2]))()
    assert actions == ["instance.passing", "instance.critical"]


async def test_steady_answers_make_no_revision(app: App) -> None:
    await sync_to_async(set_check)(QUICK)
    async with running_checker():
        await until(verdict_is(True), "a first verdict")
        revisions = await sync_to_async(Change.objects.count)()
        asked = len(app.requests)
        await until(lambda: len(app.requests) > asked + 20, "twenty more probes")
    assert await sync_to_async(Change.objects.count)() == revisions


async def test_a_changed_check_holds_at_once_and_a_removed_one_ends_the_probes(app: App) -> None:
    await sync_to_async(set_check)(QUICK)
    async with running_checker():
        await until(lambda: ("/healthz", "catalog.shop.mesh") in app.requests, "a probe")
        await sync_to_async(set_check)(HttpCheck(path="/other", interval_ms=20, timeout_ms=20))
        await until(lambda: ("/other", "catalog.shop.mesh") in app.requests, "a probe of the new path")
        await sync_to_async(set_check)(TcpCheck(port=1, interval_ms=20, timeout_ms=20))
        await until(status_is("critical"), "another port is refused")
        await sync_to_async(set_check)(None)
        assert (await sync_to_async(instance)()).status == "passing"


async def test_a_verdict_that_the_registry_lost_is_told_again(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "REREAD_S", 0.0)
    await sync_to_async(set_check)(QUICK)
    app.status = 503
    async with running_checker():
        await until(status_is("critical"), "critical")
        await sync_to_async(Instance.objects.update)(check_passing=None, status="passing")
        await until(status_is("critical"), "critical again")


async def test_verdicts_wait_for_the_database(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = checking.checks_record, iter(range(3))

    def failing(findings: Any) -> None:
        if next(failures, None) is not None:
            raise OperationalError("away")
        real(findings)

    monkeypatch.setattr(checking, "checks_record", failing)
    await sync_to_async(set_check)(QUICK)
    app.status = 500
    async with running_checker():
        await until(status_is("critical"), "critical after three failures to write")


async def test_it_says_that_it_watches(app: App) -> None:
    await sync_to_async(set_check)(QUICK)
    assert observed_since(CHECKS_RUN) is None
    async with running_checker():
        await until(lambda: observed_since(CHECKS_RUN), "an observation")


async def test_an_absent_checker_changes_nobody(app: App) -> None:
    await sync_to_async(set_check)(QUICK)
    app.status = 503
    async with running_checker():
        await until(status_is("critical"), "critical")
    app.status = 200
    before = await sync_to_async(instance)()
    async with running_checker():
        await until(status_is("passing"), "another checker goes on from the registry's state")
    assert before.status == "critical"
