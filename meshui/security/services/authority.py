"""The certificate authority: made once, renewed before it runs short, signing leaves.

Owns the authority's rows and what it signs. Knows nothing of tokens or HTTP: whoever calls ``sign_csr`` has decided
who the key belongs to. Call ``authority_ensure`` before opening a transaction that signs: it commits by itself, and
costs one query when there is nothing to do.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from django.conf import settings
from django.utils import timezone

from meshui.core.actors import Actor, system
from meshui.core.commits import Commit, commit
from meshui.core.errors import InvalidInput
from meshui.mesh.names import DOMAIN, LABEL
from meshui.security import pki
from meshui.security.csr import proven_key
from meshui.security.errors import AuthorityUnavailable, CertificateRefused
from meshui.security.models import Authority, DeniedIdentity, IssuedCertificate
from meshui.security.signers import sealed_key, signer_of

log = logging.getLogger(__name__)

RECORDS_KEPT = timedelta(days=90)
"""How long a leaf's record stays after the leaf has ended."""
DNS_NAME = re.compile(rf"(?:{LABEL.pattern}\.)+{DOMAIN}")


def authority_ensure() -> None:
    """Make the root and the intermediate where they are missing, and a new intermediate before the old one runs
    short. The root stays. Raises AuthorityUnavailable."""
    now = timezone.now()
    if _lasting_intermediate(now):
        return
    with commit(actor=system("authority"), action="authority.ensure", obj="authority:mesh") as change:
        if _lasting_intermediate(now):  # another process was faster
            change.unchanged()
            return
        root = _active(Authority.Kind.ROOT) or _make_root(change, now)
        intermediate = _replace_intermediate(root, now)
        change.summary = change.summary or "intermediate renewed"
        change.after = {
            kept.kind: {"fingerprint": kept.fingerprint, "not_after": kept.not_after.isoformat()}
            for kept in (root, intermediate)
        }
    log.info("authority: intermediate %s until %s", intermediate.fingerprint[:16], intermediate.not_after)


def sign_csr(*, csr_pem: str, identity: str, dns_names: Sequence[str], proxy_id: str, actor: Actor) -> str:
    """A certificate for the key in the request: PEM, the leaf first, then the intermediate.

    Nothing but the key is taken from the request. ``identity`` is ``spiffe://{trust domain}/ns/{ns}/svc/{svc}``;
    ``dns_names`` end in ``.mesh``. Raises InvalidInput (paths ``csr``, ``identity``, ``dns_names``), CertificateRefused
    (the identity is denied) and AuthorityUnavailable. Runs within the caller's transaction.
    """
    key = proven_key(csr_pem)
    row = _active(Authority.Kind.INTERMEDIATE)
    if row is None:
        raise AuthorityUnavailable("there is no authority yet")
    issuer = signer_of(row)
    _check_names(issuer.trust_domain, identity, dns_names)
    if DeniedIdentity.objects.filter(identity=identity).exists():
        raise CertificateRefused(f"{identity} is denied", code="identity_denied")
    now = timezone.now()
    if row.not_after <= now:
        raise AuthorityUnavailable(f"the intermediate ended at {row.not_after.isoformat()}")
    leaf = pki.make_leaf(issuer, key, identity, dns_names, now, _leaf_lifetime())
    IssuedCertificate.objects.filter(proxy_id=proxy_id, replaced_at=None).update(replaced_at=now)
    record = IssuedCertificate.objects.create(
        serial=serial_of(leaf.serial_number),
        authority=row,
        identity=identity,
        proxy_id=proxy_id,
        actor=actor.name,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        issued_at=now,
    )
    log.info("signed %s for %s of proxy %s by %s", record.serial, identity, proxy_id, actor.name)
    return pki.pem(leaf) + row.certificate


def trust_bundle() -> list[str]:
    """The root certificates, PEM, that every proxy accepts peers under; empty before the first ``authority_ensure``."""
    roots = Authority.objects.filter(kind=Authority.Kind.ROOT, state=Authority.State.ACTIVE)
    return list(roots.values_list("certificate", flat=True))


def drop_old_records() -> int:
    """Forget leaves that ended long ago; how many they were."""
    return IssuedCertificate.objects.filter(not_after__lt=timezone.now() - RECORDS_KEPT).delete()[0]


def serial_of(number: int) -> str:
    """A serial number as it is stored and shown."""
    return f"{number:x}"


def _lasting_intermediate(now: datetime) -> bool:
    """Whether the active intermediate has more than a third of its life and a leaf's lifetime before it."""
    row = _active(Authority.Kind.INTERMEDIATE)
    return row is not None and row.not_after - now > max((row.not_after - row.not_before) / 3, _leaf_lifetime())


def _active(kind: Authority.Kind) -> Authority | None:
    return Authority.objects.filter(kind=kind, state=Authority.State.ACTIVE).first()


def _make_root(change: Commit, now: datetime) -> Authority:
    change.dirty("trust")
    change.summary = "root and intermediate made"
    return _keep(Authority.Kind.ROOT, pki.make_root(change.mesh.trust_domain, now))


def _replace_intermediate(root: Authority, now: datetime) -> Authority:
    if root.not_after - now <= _leaf_lifetime():
        raise AuthorityUnavailable(f"the root certificate ends at {root.not_after.isoformat()}")
    made = pki.make_intermediate(signer_of(root), now, _leaf_lifetime())
    former = Authority.objects.filter(kind=Authority.Kind.INTERMEDIATE, state=Authority.State.ACTIVE)
    former.update(state=Authority.State.RETIRED)
    return _keep(Authority.Kind.INTERMEDIATE, made)


def _keep(kind: Authority.Kind, signer: pki.Signer) -> Authority:
    fingerprint = signer.certificate.fingerprint(hashes.SHA256()).hex()
    return Authority.objects.create(
        kind=kind,
        fingerprint=fingerprint,
        certificate=pki.pem(signer.certificate),
        sealed_key=sealed_key(signer, fingerprint),
        not_before=signer.certificate.not_valid_before_utc,
        not_after=signer.certificate.not_valid_after_utc,
    )


def _check_names(trust_domain: str, identity: str, dns_names: Sequence[str]) -> None:
    pattern = rf"spiffe://{re.escape(trust_domain)}/ns/{LABEL.pattern}/svc/{LABEL.pattern}"
    if not re.fullmatch(pattern, identity):
        raise InvalidInput.field("identity", "foreign", f"{identity!r} is no identity of {trust_domain}")
    for name in dns_names:
        if len(name) > 253 or not DNS_NAME.fullmatch(name):
            raise InvalidInput.field("dns_names", "foreign", f"{name!r} is no name under .{DOMAIN}")


def _leaf_lifetime() -> timedelta:
    return timedelta(seconds=settings.MESHUI.leaf_ttl_s)
