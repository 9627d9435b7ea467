"""Deaths at every statement, and many at once: what is written is one committed state, and nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from meshui.core.errors import Conflict, MeshError
from meshui.core.models import Change, Revision
from meshui.rollouts import ledger, reconcile
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Analysis, Metric
from meshui.rollouts.services import rollout_act, rollout_create
from tests.meshui.rollouts.world import AUTHOR, World
from tests.support.api import everything

AT_ONCE = 20


class Killed(DatabaseError):
    """The process is gone before this statement. Of this kind, so that Django rolls back what the database would."""


@contextmanager
def killed_before(statement: int) -> Iterator[None]:
    """End at that statement, counted from 0. What the database does by itself when a session is gone, the rollback of
    its transaction, still happens."""
    left = statement

    def count(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        nonlocal left
        left -= 1
        if left == -1:
            raise Killed
        return execute(sql, *args)

    with connection.execute_wrapper(count):
        yield


def deaths(act: Callable[[], object]) -> Iterator[int]:
    """Act once for each statement that it makes, and die before that one. In the body of the loop everything is as the
    death left it; afterwards it is as it was."""
    statement = 0
    while True:
        point = transaction.savepoint()
        try:
            with killed_before(statement):
                act()
        except Killed:
            transaction.set_rollback(False)
            yield statement
            transaction.savepoint_rollback(point)
            statement += 1
        else:
            transaction.savepoint_rollback(point)
            assert statement > 5
            return


def ticks(world: World, row: Rollout) -> Iterator[int]:
    """The same of ticks: each transaction counts for itself, and the lease stays as the dead left it."""
    statement = 0
    while True:
        point, now, until = transaction.savepoint(), world.now, world.until
        died = True
        try:
            with killed_before(statement), pytest.MonkeyPatch.context() as patch:
                patch.setattr(ledger, "release", lambda row: None)
                reconcile.tick(row.pk)
            died = False
        except Killed:
            transaction.set_rollback(False)
            yield statement
        world.now, world.until = now, until
        transaction.savepoint_rollback(point)
        statement += 1
        if not died:
            assert statement > 10
            return


def one_revision(world: World, row: Rollout) -> None:
    """The service's traffic, the rollout's own account of it, the change log and the story say the same."""
    row = world.again(row)
    newest = Change.objects.latest("id")
    assert newest.after["weights"] == world.split()
    assert newest.after["owner"] == world.owner()
    assert {v: w for v, w in world.split().items() if w} == row.weights
    assert Revision.objects.count() == Change.objects.count()
    assert row.events.count() == row.last_seq
    if row.active:
        assert world.owner() == row.owner


def goes_on(world: World, row: Rollout) -> Rollout:
    Rollout.objects.filter(pk=row.pk).update(lease_until="2020-01-01T00:00:00Z")
    return world.tick(row)


def climbing(world: World) -> Rollout:
    row = world.create()
    world.acknowledge()
    return row


def failing(world: World) -> Rollout:
    row = world.step(world.create())
    world.answers(v1=(950, 1), v2=(50, 40))
    row = world.step(row, 15)
    world.pass_time(15)
    return row


def ending(world: World) -> Rollout:
    row = world.act(world.step(world.create()), "abort")
    world.acknowledge()
    return row


@pytest.mark.parametrize("prepare", [climbing, failing, ending])
def test_a_tick_may_die_anywhere(world: World, prepare: Callable[[World], Rollout]) -> None:
    row = prepare(world)
    point, now = transaction.savepoint(), world.now
    whole = world.tick(row)
    told, end = world.story(row), (whole.state, whole.step_index, whole.step_phase, world.split(), world.owner())
    transaction.savepoint_rollback(point)
    world.now = now
    for _ in ticks(world, row):
        one_revision(world, row)
        again = goes_on(world, row)
        one_revision(world, row)
        assert (again.state, again.step_index, again.step_phase, world.split(), world.owner()) == end
        assert world.story(row) == told


@pytest.mark.parametrize(
    ("action", "state"), [("abort", "rolling_back"), ("promote", "promoting"), ("pause", "paused"), ("start", "")]
)
def test_an_action_may_die_anywhere_and_has_then_not_happened(world: World, action: str, state: str) -> None:
    if action == "start":
        act: Callable[[], Rollout] = lambda: rollout_create(actor=AUTHOR, plan=world.plan(), start=True)  # noqa: E731
    else:
        row = world.step(world.create())
        act = lambda: world.act(row, action, reason="go", idempotency_key="k")  # noqa: E731
    before = everything()
    for _ in deaths(act):
        assert everything() == before
    done = act()
    assert done.state == (state or "progressing")
    one_revision(world, done)


def test_a_lost_commit_is_a_lost_step_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fence is taken away between the decision and its commit."""
    row = climbing(world)
    before = (world.split(), world.story(row), Revision.objects.count())
    real = ledger.save

    def late(held: Rollout) -> None:
        ledger.take_over(held.pk)
        real(held)

    monkeypatch.setattr(ledger, "save", late)
    world.tick(row)
    monkeypatch.undo()
    assert (world.split(), world.story(row), Revision.objects.count()) == before


# --- many at once -----------------------------------------------------------------------------------------------


def together(*calls: Callable[[], object]) -> list[object]:
    """What each call returns or raises; they begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except MeshError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_twenty_starts_at_once_are_one_rollout(transactional_db: None, world: World) -> None:
    plan = world.plan()
    found = together(*[lambda: rollout_create(actor=AUTHOR, plan=plan, start=True)] * AT_ONCE)
    [first] = [one for one in found if isinstance(one, Rollout)]
    refused = [one for one in found if isinstance(one, Conflict)]
    assert len(refused) == AT_ONCE - 1
    assert {(one.code, one.errors[0].detail) for one in refused} == {("active_rollout", str(first.pk))}
    assert Rollout.objects.count() == 1


def test_twenty_promotions_at_once_are_one_effect(transactional_db: None, world: World) -> None:
    row = world.step(world.create())
    before = Revision.objects.count()

    def promote() -> Rollout:
        return rollout_act(actor=AUTHOR, rollout_id=row.pk, action="promote", reason="go")

    found = together(*[promote] * AT_ONCE)
    assert sum(isinstance(one, Rollout) for one in found) == 1
    assert {one.code for one in found if isinstance(one, Conflict)} == {"not_allowed_now"}
    assert (Revision.objects.count(), world.split()) == (before + 1, {"v1": 0, "v2": 100})
    assert world.story(row).count("promoting") == 1


def test_twenty_of_one_key_are_all_answered_with_the_one(transactional_db: None, world: World) -> None:
    plan = world.plan()
    found = together(*[lambda: rollout_create(actor=AUTHOR, plan=plan, start=True, idempotency_key="k")] * AT_ONCE)
    assert {one.pk for one in found if isinstance(one, Rollout)} == {Rollout.objects.get().pk}
    assert len(found) == AT_ONCE and all(isinstance(one, Rollout) for one in found)


def test_of_an_abort_and_a_promotion_one_wins(transactional_db: None, world: World) -> None:
    """Whoever comes first. An abort also stops a promotion that is under way; nothing stops a rollback."""
    for _ in range(5):
        row = world.step(world.create())
        version = str(row.version)

        def act(action: Any, row: Rollout = row, version: str = version) -> Rollout:
            return rollout_act(actor=AUTHOR, rollout_id=row.pk, action=action, reason="go", expected_version=version)

        found = together(lambda: act("abort"), lambda: act("promote"))
        [won] = [one for one in found if isinstance(one, Rollout)]
        [lost] = [one for one in found if isinstance(one, MeshError)]
        assert lost.code == "stale"
        assert world.split() == {"rolling_back": {"v1": 100, "v2": 0}, "promoting": {"v1": 0, "v2": 100}}[won.state]
        world.act(row, "abort") if won.state == "promoting" else None
        assert world.until_state(row, "rolled_back").state == "rolled_back"


def test_two_workers_at_once_do_a_step_once(transactional_db: None, world: World) -> None:
    row = climbing(world)
    together(*[lambda: reconcile.tick(row.pk)] * 8)
    assert world.story(row).count("applied") == 2
    one_revision(world, row)


def test_ticks_and_an_abort_at_once_end_in_the_abort(transactional_db: None, world: World) -> None:
    row = world.create(analysis=Analysis(metrics=(Metric(name="errors"),), interval_ms=1000))
    world.acknowledge()
    calls: list[Callable[[], object]] = [lambda: reconcile.tick(row.pk)] * 6
    together(*calls, lambda: rollout_act(actor=AUTHOR, rollout_id=row.pk, action="abort"))
    assert world.again(row).state == "rolling_back"
    assert world.split() == {"v1": 100, "v2": 0}
    one_revision(world, row)
    assert world.until_state(row, "rolled_back").state == "rolled_back"
