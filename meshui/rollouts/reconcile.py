"""What a worker does with a rollout at each tick: look, decide, carry out, until there is nothing left to do.

The database is the truth. A tick that dies anywhere leaves the rollout as the last transaction left it, and the next
one goes on from there; two at a time are told apart by the lease.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from datetime import timedelta

import redis
from django.db.models import Q

from meshui.core import outgoing
from meshui.core.actors import system
from meshui.core.errors import MeshError
from meshui.core.redis import client
from meshui.delivery.signals import LIVE_CHANNEL, live_hint
from meshui.rollouts import analysing, ledger
from meshui.rollouts.decide import decide
from meshui.rollouts.effects import CallWebhook, CountTry
from meshui.rollouts.models import Rollout
from meshui.rollouts.observe import last_told, observe
from meshui.rollouts.snapshot import WebhookAnswer
from meshui.rollouts.writer import Writer, snapshot

log = logging.getLogger(__name__)

ENGINE = system("rollouts")
LONGEST = timedelta(seconds=5)
"""No active rollout goes without a look for longer."""
SOON = timedelta(seconds=0.5)
"""How long until the next look where proxies are waited for."""
TIMES = ("phase_since", "step_since", "paused_since", "analysed_until")
"""What durations are measured from."""
MAX_ROUNDS = 50
"""Decisions of one tick; the next goes on from there."""


def tick(rollout_id: int) -> None:
    """Bring one rollout as far as it gets now. Nothing happens where another worker holds it, or it is over."""
    row = ledger.lease(rollout_id)
    if row is None:
        return
    try:
        _mend_times(row)
        _analyse(row)
        _decide(row)
        _rest(row)
    except ledger.LostLease:
        log.info("rollout %s was taken over; what was under way is dropped", rollout_id)
    except MeshError as error:  # a version is gone, or the traffic is somebody else's
        log.warning("rollout %s does not get on: %s", rollout_id, error)
    finally:
        ledger.release(row)
    hint(rollout_id)


def due() -> list[int]:
    """The active rollouts that are to be looked at now."""
    now = ledger.now()
    waits = Q(next_tick_at__gt=now, next_tick_at__lte=now + LONGEST)  # later: the clock was set back
    return list(Rollout.objects.filter(~waits, state__in=Rollout.ACTIVE).values_list("pk", flat=True))


def hint(rollout_id: int) -> None:
    """Tell web processes that there is something new; whoever misses it reads it later."""
    try:
        client().publish(LIVE_CHANNEL, live_hint(rollouts=[rollout_id]))
    except redis.RedisError as error:
        log.info("nobody was told about rollout %s: %s", rollout_id, error)


def _mend_times(row: Rollout) -> None:
    """Where the database's clock was set back, what has happened lies in the future: it counts from now on. Otherwise
    an hour set back would be an hour without a look at the canary."""
    now = ledger.now()
    ahead = [name for name in TIMES if (time := getattr(row, name)) is not None and time > now]
    if not ahead:
        return
    log.warning("rollout %s: the clock was set back", row.pk)
    for name in ahead:
        setattr(row, name, now)
    with ledger.writing(row, measurements=True):
        ledger.save(row)


def _analyse(row: Rollout) -> None:
    now, due_at = ledger.now(), analysing.due_at(row)
    if due_at is None or due_at > now:
        return
    seen = analysing.look(row, now, lambda: ledger.renew(row))
    with ledger.writing(row, measurements=True):
        analysing.weigh(row, seen)
        ledger.save(row)


def _decide(row: Rollout) -> None:
    answer: WebhookAnswer | None = None
    for _ in range(MAX_ROUNDS):
        ledger.renew(row)
        told = last_told(row) if row.state in ("promoting", "rolling_back") else ""
        seen = observe(row, answer)
        effects, answer = decide(snapshot(row, told), seen), None
        match effects:
            case []:
                return
            case [CallWebhook(url)]:
                answer = _call(row, url)
            case _:
                with ledger.writing(row):
                    Writer(row, ENGINE, seen.now).carry_out(effects)
                    ledger.save(row)
                if any(isinstance(effect, CountTry) for effect in effects):
                    return  # the next try is the next tick's


def _rest(row: Rollout) -> None:
    """Write down when to look again."""
    now = ledger.now()
    waits_for_proxies = row.step_phase in ("applying", "propagating")
    times = (now + LONGEST, now + SOON if waits_for_proxies else None, row.next_due_at, analysing.due_at(row))
    ledger.rest(row, max(now, min(time for time in times if time is not None)))


def _call(row: Rollout, url: str) -> WebhookAnswer:
    """POST what the rollout is, signed; a 2xx agrees. It may be asked the same twice: the id says so."""
    about = {
        "rollout": str(row.pk),
        "service": str(row.service),
        "stable": row.stable,
        "canary": row.canary,
        "step": row.step_index,
        "attempt": row.attempt,
    }
    body = json.dumps(about, sort_keys=True).encode()
    key = hashlib.sha256(body).hexdigest()[:32]
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, **outgoing.signed(body, now=time.time())}
    try:
        answer = outgoing.post(url, body, headers)
    except outgoing.Refused as error:
        return WebhookAnswer(False, str(error), final=True)
    except outgoing.Failed as error:
        return WebhookAnswer(False, str(error))
    return WebhookAnswer(answer.ok, f"it answered {answer.status}")
