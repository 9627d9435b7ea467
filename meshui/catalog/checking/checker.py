"""The checker: sends every instance its probes in time, and hands verdicts to the registry.

One process does it at a time (``core.lease``). Verdicts come from answers alone: a checker that dies, or that cannot
reach the database, changes nobody's status.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import SystemRandom
from time import monotonic
from typing import Protocol

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from meshui.catalog.checking.probe import Target, probe
from meshui.catalog.checking.tally import Tally
from meshui.catalog.checks import TtlCheck, effective
from meshui.catalog.models import Instance
from meshui.catalog.selectors import CHECKS_RUN, actively_checked, observe
from meshui.catalog.services import checks_record
from meshui.catalog.services.verdicts import Finding
from meshui.core.commits import current_mesh
from meshui.core.errors import MeshError
from meshui.core.lease import while_leased

log = logging.getLogger(__name__)

LOCK = 0x6D65736875690002
"""The checkers' advisory lock, in the number space of ``delivery.publish``."""
LOOK_EVERY_S = 1.0
REREAD_S = 10.0
"""The registry is read again when the mesh has a new revision, and after so long in any case."""
AT_ONCE = 200
"""Probes under way at a time."""
SPREAD_S = 1.0
"""First probes are spread over this long at most."""

random = SystemRandom()


class Credentials(Protocol):
    """The registry's own, for mTLS with sidecars."""

    @property
    def context(self) -> ssl.SSLContext | None:
        """None while there are none."""

    @property
    def plaintext(self) -> Collection[str]:
        """The services whose sidecars speak no mTLS, as of the last ``refresh``."""

    def refresh(self) -> None:
        """Renew what is due. May query the database; raises MeshError."""


@dataclass(slots=True)
class Watch:
    """One instance being checked; ``finding`` is the last verdict that came of it."""

    target: Target
    tally: Tally
    task: asyncio.Task[None] | None = None
    finding: Finding | None = None


async def run(credentials: Credentials) -> None:
    """Check until cancelled, whenever no other process does."""
    await while_leased(LOCK, lambda: Checker(credentials).check())


class Checker:
    """One stretch of checking."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._watches: dict[str, Watch] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._findings: dict[str, Finding] = {}
        self._found = asyncio.Event()
        self._revision = -1
        self._reread_at = 0.0

    async def check(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record())
            complained = False
            while True:
                try:
                    wanted = await database_sync_to_async(self._look)()
                    if wanted is not None:
                        self._keep(group, wanted)
                    complained = False
                except (DatabaseError, RedisError, MeshError) as error:
                    if not complained:
                        log.warning("probes go on by what was known: %s", error)
                    complained = True
                await asyncio.sleep(LOOK_EVERY_S)

    # --- who is checked

    def _look(self) -> dict[str, tuple[Target, bool | None]] | None:
        """Whom to ask and the verdict that is known of each, by instance; None where nothing is new. Says that it
        looked, too."""
        observe(CHECKS_RUN, timezone.now())
        mesh = current_mesh()
        if mesh.revision == self._revision and monotonic() < self._reread_at:
            return None
        rows = list(actively_checked().select_related("service__namespace"))
        if any(row.proxy_id for row in rows):
            self._credentials.refresh()
        plaintext = self._credentials.plaintext
        targets = ((row, _target(row, mesh.trust_domain, plaintext)) for row in rows)
        self._revision, self._reread_at = mesh.revision, monotonic() + REREAD_S
        return {row.pk: (target, row.check_passing) for row, target in targets if target}

    def _keep(self, group: asyncio.TaskGroup, wanted: Mapping[str, tuple[Target, bool | None]]) -> None:
        """Watch whom we should, and as we should; let go of the others."""
        for instance_id, watch in list(self._watches.items()):
            if instance_id not in wanted or wanted[instance_id][0] != watch.target:
                del self._watches[instance_id]
                if watch.task:
                    watch.task.cancel()
        for instance_id, (target, passing) in wanted.items():
            known = self._watches.get(instance_id)
            if known is None:
                check = target.check
                known = Watch(target, Tally(passing, check.healthy_after, check.unhealthy_after))
                known.task = group.create_task(self._watch(instance_id, known))
                self._watches[instance_id] = known
            elif known.tally.passing != passing:
                self._settle(instance_id, known, passing)

    def _settle(self, instance_id: str, watch: Watch, passing: bool | None) -> None:
        """The registry does not know our verdict: tell it again, or begin anew where we never had one ourselves."""
        if watch.finding is None:
            watch.tally.passing = passing
        else:
            self._report(instance_id, watch.finding)

    # --- one instance

    async def _watch(self, instance_id: str, watch: Watch) -> None:
        check = watch.target.check
        interval_s = check.interval_ms / 1000
        await asyncio.sleep(random.uniform(0, min(SPREAD_S, interval_s)))
        while True:
            async with self._places:
                answer = await probe(watch.target, self._credentials.context, local_allowed=settings.MESHUI.demo)
            if answer is not None and watch.tally.count(answer.good):
                watch.finding = Finding(check_passing=answer.good, check_output=answer.output)
                self._report(instance_id, watch.finding)
            await asyncio.sleep(interval_s * random.uniform(1 - check.jitter, 1 + check.jitter))

    def _report(self, instance_id: str, finding: Finding) -> None:
        self._findings[instance_id] = finding
        self._found.set()

    # --- verdicts

    async def _record(self) -> None:
        """Hand over what was found; what fails is tried again, with what was found meanwhile."""
        while True:
            await self._found.wait()
            self._found.clear()
            findings, self._findings = self._findings, {}
            try:
                await database_sync_to_async(checks_record)(findings)
            except DatabaseError as error:
                log.warning("verdicts wait: %s", error)
                self._findings = findings | self._findings
                self._found.set()
                await asyncio.sleep(LOOK_EVERY_S)


def _target(row: Instance, trust_domain: str, plaintext: Collection[str]) -> Target | None:
    """How to ask an instance: at its sidecar's listener over mTLS, or in the clear where that speaks none, and at a
    port of the check's own."""
    try:
        check = effective(row.service.health_check, row.health_check)
    except msgspec.ValidationError as error:
        log.warning("the check of %s is invalid: %s", row.pk, error)
        return None
    if isinstance(check, TtlCheck):
        return None
    name = row.service.full_name
    secured = row.proxy_id is not None and check.port is None and str(name) not in plaintext
    return Target(
        check=check,
        address=row.address,
        port=check.port or row.port,
        host=name.host,
        identity=name.identity(trust_domain) if secured else "",
    )
