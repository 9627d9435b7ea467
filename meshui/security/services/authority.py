"""The certificate authority: made once, renewed before it runs short, signing leaves.

Owns the authority's rows and what it signs. Knows nothing of tokens or HTTP: whoever calls ``sign_csr`` has decided
who the key belongs to. Call ``authority_ensure`` before opening a transaction that signs: it commits by itself, and
costs two queries when there is nothing to do.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.conf import settings
from django.utils import timezone

from meshui.core.actors import Actor, system
from meshui.core.commits import Commit, commit, current_mesh
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
ROOT, INTERMEDIATE = Authority.Kind.ROOT, Authority.Kind.INTERMEDIATE
PENDING, ACTIVE, RETIRED = Authority.State.PENDING, Authority.State.ACTIVE, Authority.State.RETIRED


def authority_ensure() -> None:
    """Make the root and the intermediate where they are missing, and a new intermediate before the old one runs
    short. The root stays; where its key is elsewhere, the intermediate is used until its end. Raises
    AuthorityUnavailable."""
    now = timezone.now()
    intermediate = active(INTERMEDIATE)
    if intermediate is not None and (now < renewal_due(intermediate) or _lasts_while_root_is_away(intermediate, now)):
        return
    with commit(actor=system("authority"), action="authority.ensure", obj="authority:mesh") as change:
        intermediate = active(INTERMEDIATE)
        if intermediate is not None and now < renewal_due(intermediate):  # another process was faster
            change.unchanged()
            return
        root = active(ROOT) or _make_root(change, now)
        made = intermediate_make(root, now)
        change.summary = change.summary or "intermediate renewed"
        change.after = {row.kind: described(row) for row in (root, made)}
    log.info("authority: intermediate %s until %s", made.fingerprint[:16], made.not_after)


def sign_csr(*, csr_pem: str, identity: str, dns_names: Sequence[str], proxy_id: str, actor: Actor) -> str:
    """A certificate for the key in the request: PEM, the leaf first, then the intermediate.

    Nothing but the key is taken from the request. ``identity`` is ``spiffe://{trust domain}/ns/{ns}/svc/{svc}``;
    ``dns_names`` end in ``.mesh``. Raises InvalidInput (paths ``csr``, ``identity``, ``dns_names``), CertificateRefused
    (the identity is denied) and AuthorityUnavailable. Runs within the caller's transaction.
    """
    key = proven_key(csr_pem)
    row = active(INTERMEDIATE)
    if row is None:
        raise AuthorityUnavailable("there is no authority yet")
    _check_names(current_mesh().trust_domain, identity, dns_names)
    if DeniedIdentity.objects.filter(identity=identity).exists():
        raise CertificateRefused(f"{identity} is denied", code="identity_denied")
    now = timezone.now()
    if row.not_after <= now:
        raise AuthorityUnavailable(f"the intermediate ended at {row.not_after.isoformat()}")
    leaf = pki.make_leaf(signer_of(row), key, identity, dns_names, now, leaf_lifetime())
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
    return pki.pem(leaf) + row.certificate + row.links


def trust_bundle() -> list[str]:
    """The root certificates, PEM, that every proxy accepts peers under; empty before the first ``authority_ensure``."""
    return list(Authority.objects.filter(trusted=True).values_list("certificate", flat=True))


def signing_root() -> str | None:
    """The fingerprint of the root under which leaves are signed now."""
    return Authority.objects.filter(kind=INTERMEDIATE, state=ACTIVE).values_list("root__fingerprint", flat=True).first()


def drop_old_records() -> int:
    """Forget leaves that ended long ago; how many they were."""
    return IssuedCertificate.objects.filter(not_after__lt=timezone.now() - RECORDS_KEPT).delete()[0]


def serial_of(number: int) -> str:
    """A serial number as it is stored and shown."""
    return f"{number:x}"


# --- rows -------------------------------------------------------------------------------------------------------


def active(kind: Authority.Kind) -> Authority | None:
    """The root or the intermediate that signs now."""
    return Authority.objects.filter(kind=kind, state=ACTIVE).first()


def leaf_lifetime() -> timedelta:
    return timedelta(seconds=settings.MESHUI.leaf_ttl_s)


def renewal_due(row: Authority) -> datetime:
    """When an intermediate has less than a third of its life, or than a leaf's lifetime, before it."""
    return row.not_after - max((row.not_after - row.not_before) / 3, leaf_lifetime())


def described(row: Authority) -> dict[str, str]:
    """A certificate as the change log shows it."""
    return {
        "fingerprint": row.fingerprint,
        "not_after": row.not_after.isoformat(),
        "origin": row.origin,
        "key": row.key,
    }


def keep(
    certificate: x509.Certificate,
    *,
    root: Authority | None = None,
    key: pki.SigningKey | None = None,
    place: Authority.Key = Authority.Key.BUILTIN,
    origin: Authority.Origin = Authority.Origin.MADE,
    state: Authority.State = PENDING,
    links: str = "",
) -> Authority:
    """A row for a root or, with its ``root``, for an intermediate; ``key`` is sealed into it where it is kept here. One
    that was here before, and was put away, is taken up again."""
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    row, _ = Authority.objects.update_or_create(
        fingerprint=fingerprint,
        defaults={
            "kind": INTERMEDIATE if root else ROOT,
            "state": state,
            "origin": origin,
            "key": place,
            "certificate": pki.pem(certificate),
            "links": links,
            "sealed_key": sealed_key(key, fingerprint) if key is not None else b"",
            "root": root,
            "not_before": certificate.not_valid_before_utc,
            "not_after": certificate.not_valid_after_utc,
        },
    )
    return row


def intermediate_make(root: Authority, now: datetime, *, state: Authority.State = ACTIVE) -> Authority:
    """A new intermediate under the root; an active one takes the former's place. Raises AuthorityUnavailable."""
    if root.not_after - now <= leaf_lifetime():
        raise AuthorityUnavailable(f"the root certificate ends at {root.not_after.isoformat()}")
    made = pki.make_intermediate(signer_of(root), current_mesh().trust_domain, now, leaf_lifetime())
    if state == ACTIVE:
        retire(INTERMEDIATE)
    return keep(made.certificate, root=root, key=made.key, state=state)


def sign_under(root: Authority) -> Authority:
    """Have leaves signed under this root from now on, by the newest of its intermediates that lasts and whose key is at
    hand, or by a new one. Runs within a commit. Raises AuthorityUnavailable."""
    now = timezone.now()
    good = root.intermediates.filter(not_after__gt=now + leaf_lifetime())
    good = good.exclude(key=Authority.Key.BUILTIN, sealed_key=b"")
    kept = good.order_by("-not_before", "-id").first()
    for kind in (INTERMEDIATE, ROOT):
        retire(kind)
    Authority.objects.filter(pk=root.pk).update(state=ACTIVE)
    if kept is None:
        return intermediate_make(root, now)
    Authority.objects.filter(pk=kept.pk).update(state=ACTIVE)
    return kept


def trust_only(change: Commit, roots: Sequence[Authority]) -> None:
    """Have proxies accept peers under these roots and no others."""
    ids = [root.pk for root in roots]
    Authority.objects.filter(trusted=True).exclude(pk__in=ids).update(trusted=False)
    Authority.objects.filter(pk__in=ids).update(trusted=True)
    change.dirty("trust")


def discard(root: Authority) -> None:
    """Put a root that is trusted no more away, with its intermediates; their keys are destroyed."""
    rows = Authority.objects.filter(pk=root.pk) | Authority.objects.filter(root=root)
    rows.update(state=RETIRED, sealed_key=b"")


def retire(kind: Authority.Kind) -> None:
    Authority.objects.filter(kind=kind, state=ACTIVE).update(state=RETIRED)


def _lasts_while_root_is_away(intermediate: Authority, now: datetime) -> bool:
    """Whether only the holder of the root's key can make the next one, and this one is still good."""
    root = intermediate.root
    return root is not None and root.key == Authority.Key.ELSEWHERE and now < intermediate.not_after


def _make_root(change: Commit, now: datetime) -> Authority:
    made = pki.make_root(change.mesh.trust_domain, now)
    root = keep(made.certificate, key=made.key, state=ACTIVE)
    trust_only(change, [root])
    change.summary = "root and intermediate made"
    return root


def _check_names(trust_domain: str, identity: str, dns_names: Sequence[str]) -> None:
    pattern = rf"spiffe://{re.escape(trust_domain)}/ns/{LABEL.pattern}/svc/{LABEL.pattern}"
    if not re.fullmatch(pattern, identity):
        raise InvalidInput.field("identity", "foreign", f"{identity!r} is no identity of {trust_domain}")
    for name in dns_names:
        if len(name) > 253 or not DNS_NAME.fullmatch(name):
            raise InvalidInput.field("dns_names", "foreign", f"{name!r} is no name under .{DOMAIN}")
