"""Changes of rotations: begun, advanced, paused, withdrawn.

Whatever a state means (``states.STEPS``) is made so in the very transaction that enters it, together with its revision.
So a process that dies leaves one state or the next, and whoever comes after it goes on from there; ``advance`` may run
as often, and in as many processes, as it likes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from meshui.core.actors import Actor, system
from meshui.core.commits import Commit, commit, send_soon
from meshui.core.errors import Conflict, NotFound
from meshui.rotation.decide import missing, to_order, wait
from meshui.rotation.facts import Facts, ProxyFact
from meshui.rotation.models import Rotation
from meshui.rotation.observe import observe
from meshui.rotation.states import OVER, STEPS, State
from meshui.security.models import Authority, IssuedCertificate
from meshui.security.services import Offer, authority_ensure
from meshui.security.services.authority import active, described, discard, sign_under, signing_root, trust_only
from meshui.security.services.incoming import root_prepare

log = logging.getLogger(__name__)

ROTATION = system("rotation")
ADVANCE_TASK = "meshui.rotation.tasks.advance"


# --- by people --------------------------------------------------------------------------------------------------


def rotation_start(*, actor: Actor, offer: Offer, reason: str = "", dry_run: bool = False) -> Rotation:
    """Begin to replace the root by the one that is offered. A dry run answers with a row that has no key.

    Raises PermissionDenied, InvalidInput (the offer), Conflict (``rotation_under_way``), AuthorityUnavailable.
    """
    actor.require("security.write")
    authority_ensure()
    with commit(actor=actor, action="rotation.start", obj="authority:mesh", reason=reason, dry_run=dry_run) as change:
        if current() is not None:
            raise Conflict("a rotation is under way", code="rotation_under_way")
        old = active(Authority.Kind.ROOT)
        assert old is not None
        new = root_prepare(offer)
        rotation = Rotation(source=offer.source, old=old, new=new, actor=actor.name, reason=reason)
        _enter(change, rotation, "publishing")
        change.summary = f"rotation from root {old.fingerprint[:16]} to {new.fingerprint[:16]} started"
        change.before, change.after = described(old), described(new)
    if dry_run:
        rotation.pk = None
    else:
        send_soon(ADVANCE_TASK)
    return rotation


def rotation_pause(*, actor: Actor, rotation_id: int, reason: str = "") -> Rotation:
    """Take no step and order no renewal until it is resumed. Raises PermissionDenied, NotFound, Conflict."""
    return _set_paused(actor, rotation_id, reason, paused=True)


def rotation_resume(*, actor: Actor, rotation_id: int, reason: str = "") -> Rotation:
    """Go on. Raises PermissionDenied, NotFound, Conflict."""
    return _set_paused(actor, rotation_id, reason, paused=False)


def rotation_abort(*, actor: Actor, rotation_id: int, reason: str = "") -> Rotation:
    """Go back to the old root; one that is paused is resumed for that. Raises PermissionDenied, NotFound, Conflict
    (``too_late``: the old root is being removed already), AuthorityUnavailable."""

    def withdraw(change: Commit, rotation: Rotation) -> None:
        if rotation.state in ("withdrawing", "dropping", "aborted"):
            change.unchanged()
            return
        if not rotation.step.abortable:
            raise Conflict("the old root is removed: rotate to another one instead", code="too_late")
        rotation.paused = False
        _enter(change, rotation, "withdrawing")
        change.summary = f"rotation {rotation.pk} withdrawn"

    return _by_person(actor, rotation_id, "rotation.abort", reason, withdraw)


def rotation_pass(*, actor: Actor, rotation_id: int, proxy_id: str, reason: str = "") -> Rotation:
    """Wait for this proxy no more, in this state and those to come: once trust in the root of its certificate ends, it
    has to join again. Raises PermissionDenied, NotFound, Conflict (``rotation_over``, ``not_missing``)."""

    def pass_over(change: Commit, rotation: Rotation) -> None:
        _refuse_over(rotation)
        facts = observe(rotation)
        if not any(proxy.id == proxy_id for proxy in facts.proxies):
            raise NotFound(f"no proxy {proxy_id}")
        assert rotation.step.gate is not None
        if not any(proxy.id == proxy_id for proxy in missing(rotation.step.gate, facts, rotation.passed)):
            raise Conflict(f"nothing waits for {proxy_id}", code="not_missing")
        rotation.passed[proxy_id] = {"actor": actor.name, "reason": reason, "at": timezone.now().isoformat()}
        _save(rotation)
        change.summary = f"rotation {rotation.pk} goes on without {proxy_id}"

    return _by_person(actor, rotation_id, "rotation.pass", reason, pass_over)


def _set_paused(actor: Actor, rotation_id: int, reason: str, *, paused: bool) -> Rotation:
    def pause(change: Commit, rotation: Rotation) -> None:
        _refuse_over(rotation)
        if rotation.paused == paused:
            change.unchanged()
            return
        rotation.paused = paused
        _save(rotation)
        change.summary = f"rotation {rotation.pk} {'paused' if paused else 'resumed'} in {rotation.state}"

    return _by_person(actor, rotation_id, "rotation.pause" if paused else "rotation.resume", reason, pause)


def _by_person(
    actor: Actor, rotation_id: int, action: str, reason: str, act: Callable[[Commit, Rotation], None]
) -> Rotation:
    actor.require("security.write")
    with commit(actor=actor, action=action, obj="authority:mesh", reason=reason) as change:
        rotation = get_rotation(rotation_id)
        act(change, rotation)
    send_soon(ADVANCE_TASK)
    return rotation


def _refuse_over(rotation: Rotation) -> None:
    if rotation.over:
        raise Conflict(f"the rotation is {rotation.state}", code="rotation_over")


# --- by itself --------------------------------------------------------------------------------------------------


def advance() -> bool:
    """Do what is due of the rotation under way; whether there was something. The facts are looked at again inside the
    commit: nobody joins or renews between the look and the step."""
    rotation = current()
    if rotation is None or rotation.paused or _due(rotation, observe(rotation)) is None:
        return False
    with commit(actor=ROTATION, action="rotation.advance", obj="authority:mesh") as change:
        rotation = current()
        facts = observe(rotation) if rotation is not None and not rotation.paused else None
        act = _due(rotation, facts) if rotation is not None and facts is not None else None
        if act is None:
            change.unchanged()
            return False
        act(change)
        log.info("%s", change.summary)
    return True


def _due(rotation: Rotation, facts: Facts) -> Callable[[Commit], None] | None:
    """What to do within a commit: the next state, or the next renewals."""
    step = rotation.step
    if step.then is not None and not wait(step, facts, rotation.passed).reason:
        following = step.then
        return lambda change: _go_on(change, rotation, following)
    ordered = to_order(step, facts, settings.MESHUI.csr_rate)
    return (lambda change: _order(change, rotation, ordered)) if ordered else None


def _go_on(change: Commit, rotation: Rotation, state: State) -> None:
    change.before = {"state": rotation.state}
    _enter(change, rotation, state)
    change.summary = f"rotation {rotation.pk}: {state}"
    change.after = {"state": state}


def _order(change: Commit, rotation: Rotation, proxies: list[ProxyFact]) -> None:
    serials = [serial for proxy in proxies for serial in proxy.others]
    IssuedCertificate.objects.filter(serial__in=serials, renewal_ordered_at=None).update(
        renewal_ordered_at=timezone.now()
    )
    for proxy in proxies:
        change.dirty("proxy", proxy.id)
    change.summary = f"rotation {rotation.pk}: {len(proxies)} renewals ordered"
    change.after = {"proxies": [proxy.id for proxy in proxies]}


def _enter(change: Commit, rotation: Rotation, state: State) -> None:
    """Make what the state means so."""
    step, roots = STEPS[state], {"old": rotation.old, "new": rotation.new}
    trusted = [roots[side] for side in step.trusts]
    if set(Authority.objects.filter(trusted=True).values_list("pk", flat=True)) != {root.pk for root in trusted}:
        trust_only(change, trusted)
        rotation.bundle_revision = change.revision or 0
    if signing_root() != roots[step.signs].fingerprint:
        sign_under(roots[step.signs])
    now = timezone.now()
    rotation.state, rotation.state_since = state, now
    rotation.history = [*rotation.history, {"state": state, "at": now.isoformat()}]
    if state in OVER:
        discard(rotation.leaving)
        rotation.finished_at = now
    _save(rotation)


def _save(rotation: Rotation) -> None:
    rotation.version += 1
    rotation.save()


# --- rows -------------------------------------------------------------------------------------------------------


def current() -> Rotation | None:
    """The one under way."""
    return Rotation.objects.select_related("old", "new").exclude(state__in=OVER).first()


def get_rotation(rotation_id: int) -> Rotation:
    """Raises NotFound."""
    row = Rotation.objects.select_related("old", "new").filter(pk=rotation_id).first()
    if row is None:
        raise NotFound(f"no rotation {rotation_id}")
    return row
