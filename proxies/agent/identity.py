"""Who this proxy is: joining once, renewing the certificate in time.

A certificate is renewed at half of its life, give or take a tenth of it, and at once where an operator asks for that.
The current one proves who asks, so a proxy that was away until its certificate ended cannot renew: it goes on asking,
which is refused, and serves what needs no mTLS; restarted with a new join token, it joins again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import time
from typing import NoReturn
from urllib.parse import urlsplit

import msgspec

from proxies.agent.backoff import Backoff, Complaint, around
from proxies.agent.command import TOKEN, Options
from proxies.agent.engine import Engine
from proxies.agent.leaf import serial_of
from proxies.agent.orders import Granted, JoinOrder, Order, RenewOrder, place
from proxies.agent.state import Identity, StateDir
from proxies.wire.join import JoinResponse, RenewResponse
from proxies.wire.release import VERSION
from proxies.wire.resources import Listener, ResourceError

log = logging.getLogger(__name__)

RENEW_AT = 0.5
RENEW_JITTER = 0.2
"""Of the half, so a tenth of the whole."""
LOOK_EVERY_S = 60.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class JoinError(Exception):
    """This proxy cannot join; the message says why."""


async def establish(options: Options, state: StateDir) -> Identity:
    """The identity that the state folder keeps, or a new one by the join token. Waits for the control plane as long as
    it takes. Raises JoinError where waiting is of no use."""
    kept = state.identity()
    if kept is not None and kept.name != options.name:
        raise JoinError(f"the state folder {state.path} belongs to proxy {kept.name!r}, not {options.name!r}")
    if kept is not None and options.service not in ("", kept.joined.service):
        raise JoinError(f"the state folder {state.path} belongs to {kept.joined.service}, not {options.service}")
    moved = kept is not None and _asked(kept) != (
        options.listeners(),
        options.admin_text(),
        options.locality,
        options.weight,
    )
    if kept is not None and not moved and kept.not_after > time():
        return kept
    token = options.token()
    if token:
        return await _join(options, state, token)
    hint = f"give a join token (--token-file, or {TOKEN})"
    if kept is None:
        raise JoinError(f"there is no identity in {state.path} yet; {hint}")
    if moved:
        raise JoinError(f"it joined with other addresses, locality or weight than asked for now; to join again, {hint}")
    log.error("the certificate has ended; to join again, %s and restart", hint)
    return kept


def _asked(identity: Identity) -> tuple[list[Listener], str, str, int]:
    return identity.listeners, identity.admin, identity.locality, identity.weight


async def _join(options: Options, state: StateDir, token: str) -> Identity:
    order = JoinOrder(
        url=options.url,
        ca_file=options.ca_file,
        token=token,
        name=options.name,
        listeners=options.listeners(),
        admin=options.admin_text(),
        proxy_version=VERSION,
        node=options.node,
        service=options.service,
        locality=options.locality,
        weight=options.weight,
    )
    if urlsplit(options.url).scheme == "http" and urlsplit(options.url).hostname not in LOOPBACK:
        log.warning("the join token and the Redis password travel unencrypted; use https://")
    backoff, trouble = Backoff(1, 15), Complaint(log, "cannot join yet")
    while True:
        outcome = await place(order)
        if isinstance(outcome, Granted):
            joined = msgspec.convert(outcome.answer, JoinResponse)
            break
        if outcome.final:
            raise JoinError(outcome.detail)
        trouble(outcome.detail)
        await asyncio.sleep(backoff.delay(outcome.retry_after_s))
    identity = Identity(
        name=options.name,
        listeners=order.listeners,
        admin=order.admin,
        joined=joined,
        key=outcome.key,
        obtained_at=outcome.obtained_at,
        not_after=outcome.not_after,
        locality=order.locality,
        weight=order.weight,
    )
    state.keep_identity(identity)
    log.info("joined as %s, %s", joined.proxy_id, joined.identity)
    return identity


class Renewer:
    """Run ``run``. ``current`` is the identity in use."""

    def __init__(
        self,
        options: Options,
        state: StateDir,
        engine: Engine,
        identity: Identity,
        *,
        bundle: Callable[[], list[str]],
        ordered: Callable[[], str],
    ) -> None:
        """``bundle`` gives the roots that the mesh has published, empty where it has none yet; ``ordered`` the serial
        of the certificate that is to be renewed at once."""
        self.current = identity
        self._bundle = bundle
        self._ordered = ordered
        self._news = asyncio.Event()
        self._options = options
        self._state = state
        self._engine = engine
        self.trouble = Complaint(log, "the certificate is not renewed")

    def look(self) -> None:
        """What is published has changed, perhaps."""
        self._news.set()

    async def run(self) -> NoReturn:
        """Renew in time until cancelled."""
        while True:
            due = self.current.obtained_at + around(RENEW_AT * self._lifetime(), RENEW_JITTER)
            # In short steps, by the wall clock: a host that was suspended overnight must not sleep on.
            while (left := due - time()) > 0 and not self._is_ordered():
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_EVERY_S)):
                        await self._news.wait()
                self._news.clear()
            await self._renew()

    def _is_ordered(self) -> bool:
        serial = self._ordered()
        return bool(serial) and serial == serial_of(self.current.joined.certificate)

    def _lifetime(self) -> float:
        return max(self.current.not_after - self.current.obtained_at, 0)

    async def _renew(self) -> None:
        # A tenth of a life between attempts leaves several before the end, for a day or for ten seconds.
        backoff = Backoff(1, min(max(self._lifetime() / 10, 1), 300))
        while (later := await self._attempt()) is not None:  # noqa: ASYNC110 - what is waited for is somebody else's
            await asyncio.sleep(backoff.delay(later))
        self.trouble.over()

    async def _attempt(self) -> float | None:
        """None where it succeeded, else for how many seconds the control plane wants to be left alone; 0: it did not
        say."""
        joined = self.current.joined
        order: Order = RenewOrder(
            url=self._options.url,
            ca_file=self._options.ca_file,
            proxy_id=joined.proxy_id,
            key=self.current.key,
            certificate=joined.certificate,
        )
        outcome = await place(order)
        if not isinstance(outcome, Granted):
            self.trouble(outcome.detail)
            return outcome.retry_after_s
        answer = msgspec.convert(outcome.answer, RenewResponse)
        renewed = msgspec.structs.replace(
            self.current,
            joined=msgspec.structs.replace(joined, certificate=answer.certificate, bundle=answer.bundle),
            key=outcome.key,
            obtained_at=outcome.obtained_at,
            not_after=outcome.not_after,
        )
        try:
            self._engine.set_identity(answer.certificate, outcome.key, self._bundle() or answer.bundle)
        except ResourceError as error:
            self.trouble(error)
            return 0.0
        self.current = renewed
        try:
            await asyncio.to_thread(self._state.keep_identity, renewed)
        except OSError as error:
            log.error("the renewed certificate is not kept for a restart: %s", error)
        log.info(
            "certificate renewed until %s", datetime.fromtimestamp(renewed.not_after, UTC).isoformat(timespec="seconds")
        )
        return None
