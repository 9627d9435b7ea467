"""Certificates that end before their time: renewed at once, revoked, or with an identity that is denied altogether.

A revoked certificate and a denied identity go to all proxies with the trust resource, which refuse them from then on
and cut open connections off. Evicting the proxies from the registry is the caller's part.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Conflict, NotFound
from meshui.security.models import DeniedIdentity, IssuedCertificate


def renewal_order(*, actor: Actor, serial: str, reason: str = "") -> int | None:
    """Ask the proxy that has the certificate to renew it at once; the revision, None where it was asked already.

    Raises NotFound, PermissionDenied, Conflict (``not_current``).
    """
    row = _writable(actor, serial)
    if row.replaced_at or row.revoked_at or not row.proxy_id or row.not_after <= timezone.now():
        raise Conflict("the certificate is not in use any more", code="not_current")
    with commit(
        actor=actor, action="certificate.renew", obj=f"certificate:{serial}", namespace=_namespace(row), reason=reason
    ) as change:
        ordered = IssuedCertificate.objects.filter(pk=row.pk, renewal_ordered_at=None)
        if not ordered.update(renewal_ordered_at=timezone.now()):
            change.unchanged()
        change.dirty("proxy", row.proxy_id)
        change.summary = f"renewal of {row.identity} ordered"
    return change.revision


def certificate_revoke(*, actor: Actor, serial: str, identity: bool = False, reason: str = "") -> list[str]:
    """Revoke what is left of the proxy's certificates or, with ``identity``, deny the identity until it is allowed
    again; the ids of the proxies that had them. Raises NotFound, PermissionDenied."""
    row = _writable(actor, serial)
    with commit(
        actor=actor, action="certificate.revoke", obj=f"certificate:{serial}", namespace=_namespace(row), reason=reason
    ) as change:
        rows = _concerned(row, identity=identity)
        proxies = sorted(set(rows.exclude(proxy_id="").values_list("proxy_id", flat=True)))
        what = {"actor": actor.name, "reason": reason}
        rows.filter(revoked_at=None).update(revoked_at=timezone.now(), revocation=what)
        if identity:
            DeniedIdentity.objects.get_or_create(identity=row.identity, defaults=what)
        change.dirty("trust")
        change.summary = f"{row.identity} denied" if identity else f"certificates of {row.proxy_id} revoked"
        change.after = {"identity": row.identity, "proxies": proxies, "denied": identity}
    return proxies


def identity_allow(*, actor: Actor, identity: str, reason: str = "") -> int:
    """Accept the identity again; certificates that were revoked stay so. The revision. Raises NotFound,
    PermissionDenied."""
    row = DeniedIdentity.objects.filter(identity=identity).first()
    if row is None:
        raise NotFound(f"{identity} is not denied")
    namespace = namespace_of(identity)
    actor.require_visible(namespace)
    actor.require("security.write", namespace)
    with commit(
        actor=actor, action="identity.allow", obj=f"identity:{identity}"[:200], namespace=namespace, reason=reason
    ) as change:
        row.delete()
        change.dirty("trust")
        change.summary = f"{identity} allowed again"[:400]
    assert change.revision is not None
    return change.revision


def namespace_of(identity: str) -> str:
    """The namespace of ``spiffe://{trust domain}/ns/{namespace}/svc/{service}``."""
    return identity.split("/")[4]


def _namespace(row: IssuedCertificate) -> str:
    return namespace_of(row.identity)


def _writable(actor: Actor, serial: str) -> IssuedCertificate:
    row = IssuedCertificate.objects.filter(serial=serial).first()
    if row is None:
        actor.require_in("security.write", None)
        raise NotFound(f"no certificate {serial}")
    actor.require_visible(_namespace(row))
    actor.require("security.write", _namespace(row))
    return row


def _concerned(row: IssuedCertificate, *, identity: bool) -> QuerySet[IssuedCertificate]:
    """What has not ended yet, of the identity, of the proxy, or the certificate alone where no proxy has it."""
    live = IssuedCertificate.objects.filter(not_after__gt=timezone.now())
    if identity:
        return live.filter(identity=row.identity)
    return live.filter(proxy_id=row.proxy_id) if row.proxy_id else live.filter(pk=row.pk)
