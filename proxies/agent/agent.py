"""The agent, put together: what runs beside an engine from start to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic, time

from proxies.agent.command import Options
from proxies.agent.dead_man import DeadMan
from proxies.agent.engine import Engine
from proxies.agent.follower import Follower
from proxies.agent.identity import JoinError, Renewer, establish
from proxies.agent.replica import Replica
from proxies.agent.reporter import Reporter
from proxies.agent.resp import Connection, Login
from proxies.agent.state import Identity, Keeper, StateDir
from proxies.agent.taps import taker
from proxies.wire import keys
from proxies.wire.release import VERSION
from proxies.wire.resources import ResourceError

Linked = Callable[[Login, Callable[[], Connection | None]], None]
"""Gets the login, and what gives the current connection."""


@asynccontextmanager
async def joined(options: Options, engine: Engine, linked: Linked) -> AsyncIterator[Agent]:
    """An agent that works for the engine within the block. Raises JoinError or StateError into it, where the proxy
    cannot become part of the mesh at all. ``linked`` is told once how Redis is reached."""
    agent = Agent(options, engine, linked)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(agent.run())
            yield agent
            task.cancel()
    except BaseExceptionGroup as failures:
        if len(failures.exceptions) == 1:
            raise failures.exceptions[0] from None
        raise


def _each(*calls: Callable[[], None]) -> Callable[[], None]:
    """One call that makes several."""

    def call() -> None:
        for each in calls:
            each()

    return call


class Agent:
    """Made by ``joined``."""

    def __init__(self, options: Options, engine: Engine, linked: Linked) -> None:
        self._linked = linked
        self._options = options
        self._engine = engine
        self._parts: tuple[Replica, Follower, Reporter, Renewer, DeadMan] | None = None

    async def run(self) -> None:
        """Become part of the mesh and stay so, until cancelled."""
        state = StateDir(self._options.state)
        try:
            identity = await establish(self._options, state)
            await self._serve(state, identity)
        finally:
            state.close()

    async def _serve(self, state: StateDir, identity: Identity) -> None:
        """Put in force what is kept, then keep it up to date."""
        who = identity.joined
        try:
            self._engine.set_identity(who.certificate, identity.key, who.bundle)
        except ResourceError as error:
            raise JoinError(f"the identity in {state.path} is of no use: {error}") from error
        dead_man = DeadMan(self._engine, in_step=lambda: follower.in_step, clock=monotonic)
        replica = Replica(dead_man, proxy_id=who.proxy_id, service=who.service, clock=time)
        replica.restore(state.resources())
        keeper = Keeper(state, replica.contents)
        renewer = Renewer(self._options, state, self._engine, identity, bundle=replica.bundle, ordered=replica.renewal)
        report_key = bytes.fromhex(who.report_key)
        login = Login(who.redis_url, who.redis_username, who.redis_password, self._options.ca_file)
        follower = Follower(
            replica,
            login=login,
            report_key=report_key,
            changed=_each(keeper.changed, renewer.look),
            orders=(keys.tap(who.service), taker(self._engine)),
        )
        reporter = Reporter(
            self._engine,
            proxy_id=who.proxy_id,
            report_key=report_key,
            proxy_version=VERSION,
            connection=lambda: follower.connection,
            not_after=lambda: renewer.current.not_after,
        )
        self._linked(login, lambda: follower.connection)
        self._parts = (replica, follower, reporter, renewer, dead_man)
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            group.create_task(follower.run())
            group.create_task(dead_man.run())
            group.create_task(renewer.run())
            # The body of the group is cancelled before its tasks: the last report still finds a connection.
            await reporter.run()

    def metrics(self) -> str:
        """What the agent counts, as Prometheus text; empty before it has joined."""
        if self._parts is None:
            return ""
        replica, follower, reporter, renewer, dead_man = self._parts
        connected = float(follower.connection is not None)
        rows = (
            ("connected", "gauge", "Whether the agent is connected to Redis.", connected),
            ("fallen_services", "gauge", "Services at their fallback: the control plane is silent.", dead_man.fallen),
            ("refused_resources", "gauge", "Published resources that were refused.", replica.refused()),
            ("dropped_seconds_total", "counter", "Seconds of telemetry lost.", reporter.dropped),
            ("renewal_failures_total", "counter", "Renewals that failed.", renewer.trouble.count),
            ("certificate_not_after", "gauge", "When the certificate ends, Unix seconds.", renewer.current.not_after),
        )
        return "".join(
            f"# HELP mesh_agent_{name} {text}\n# TYPE mesh_agent_{name} {kind}\nmesh_agent_{name} {value}\n"
            for name, kind, text, value in rows
        )
