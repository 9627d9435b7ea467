"""Silences and receivers are made and ended here: permission, change log, one commit each."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from meshui.alerts.messages import test_letter
from meshui.alerts.models import Receiver, Silence
from meshui.core import outgoing
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Conflict, InvalidInput, NotFound
from meshui.core.sending import attempt
from meshui.rollouts.planning import EMAIL


def silence_create(
    *, actor: Actor, rule: str = "", obj: str = "", namespace: str = "", minutes: int, reason: str = ""
) -> Silence:
    """Tell nobody of alerts that match, for a while. Raises PermissionDenied; without a namespace it is a matter of the
    whole mesh."""
    actor.require("traffic.write", namespace or None)
    with commit(actor=actor, action="silence.create", obj="alerts:silence", namespace=namespace, reason=reason) as done:
        row = Silence.objects.create(
            rule=rule,
            object=obj,
            namespace=namespace,
            until=timezone.now() + timedelta(minutes=minutes),
            reason=reason,
            created_by=actor.name,
        )
        done.summary = f"silenced {rule or 'every rule'} {obj or namespace or 'of the mesh'} for {minutes} min"
        done.after = {"id": str(row.pk), "until": row.until.isoformat()}
    return row


def silence_delete(*, actor: Actor, silence_id: int) -> None:
    """End a silence now. Raises NotFound, PermissionDenied."""
    row = Silence.objects.filter(pk=silence_id, until__gt=timezone.now()).first()
    if row is None or (row.namespace and not actor.may("view", row.namespace)):
        raise NotFound(f"no silence {silence_id}")
    actor.require("traffic.write", row.namespace or None)
    with commit(actor=actor, action="silence.delete", obj="alerts:silence", namespace=row.namespace) as done:
        done.summary = f"ended the silence of {row.created_by}"
        done.before = {"id": str(row.pk), "until": row.until.isoformat()}
        row.delete()


def receiver_create(*, actor: Actor, kind: str, target: str, severity: str) -> Receiver:
    """Have somebody told of alerts of a severity or a worse one. Raises PermissionDenied, InvalidInput, Conflict."""
    actor.require("users.write")
    _check(kind, target)
    with commit(actor=actor, action="receiver.create", obj=f"receiver:{kind}") as done:
        row, new = Receiver.objects.get_or_create(
            kind=kind, target=target, defaults={"severity": severity, "created_by": actor.name}
        )
        if not new:
            raise Conflict(f"there is such a {kind} receiver already", code="exists")
        done.summary = f"{severity} alerts go to {kind} {shown_target(kind, target)}"
        done.after = {"id": str(row.pk), "kind": kind, "severity": severity}
    return row


def receiver_delete(*, actor: Actor, receiver_id: int) -> None:
    """Have them told no more. Raises PermissionDenied, NotFound."""
    actor.require("users.write")
    row = _receiver(receiver_id)
    with commit(actor=actor, action="receiver.delete", obj=f"receiver:{row.kind}") as done:
        done.summary = f"alerts go no more to {row.kind} {shown_target(row.kind, row.target)}"
        done.before = {"id": str(row.pk), "kind": row.kind, "severity": row.severity}
        row.delete()


def receiver_test(*, actor: Actor, receiver_id: int) -> str:
    """Send a receiver a test, once and now; what went wrong, empty where nothing did. Raises PermissionDenied,
    NotFound."""
    actor.require("users.write")
    row = _receiver(receiver_id)
    mesh = settings.MESHUI
    name = f"alerts-test-{row.pk}-{timezone.now():%Y%m%dT%H%M%S%f}"
    return attempt(test_letter(name, row.kind, row.target, actor.name, mesh.mode, mesh.public_url)).error


def _receiver(receiver_id: int) -> Receiver:
    row = Receiver.objects.filter(pk=receiver_id).first()
    if row is None:
        raise NotFound(f"no receiver {receiver_id}")
    return row


def shown_target(kind: str, target: str) -> str:
    """A target as others may see it: of a URL the host alone, since the rest is often a secret."""
    if kind == "email":
        return target
    scheme, _, rest = target.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/…"


def _check(kind: str, target: str) -> None:
    if kind != "email":
        try:
            outgoing.check(target)
        except outgoing.Refused as error:
            raise InvalidInput.field("target", "refused", str(error)) from None
    elif not EMAIL.fullmatch(target):
        raise InvalidInput.field("target", "invalid", f"{target!r} is no e-mail address")
    elif not settings.EMAIL_HOST:
        raise InvalidInput.field("target", "no_mail_server", "this control plane has no mail server: MESHUI_SMTP_URL")
