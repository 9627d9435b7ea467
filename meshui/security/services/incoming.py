"""Authority certificates that come from outside, or are made for a purpose: a new root that a rotation may bring in, a
new intermediate under the root that there is, and requests for those whose root is elsewhere.

What was brought is kept only once it has proved fit (``meshui.security.material``). Keys go into sealed columns and
nowhere else: no log line, no change and no answer has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.utils import timezone

from meshui.core.actors import Actor
from meshui.core.commits import commit, current_mesh
from meshui.core.errors import Conflict, InvalidInput, NotFound
from meshui.security import pki
from meshui.security.errors import AuthorityUnavailable
from meshui.security.material import Chain, Needs, read_chain, read_key, try_out
from meshui.security.models import Authority, IntermediateRequest
from meshui.security.seal import SealError
from meshui.security.services.authority import (
    ACTIVE,
    INTERMEDIATE,
    PENDING,
    ROOT,
    active,
    authority_ensure,
    described,
    intermediate_make,
    keep,
    leaf_lifetime,
    retire,
)
from meshui.security.signers import external_key, opened_key, sealed_key

Source = Literal["made", "imported", "offline"]
KeyPlace = Literal["builtin", "external"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A certificate and where it comes from. ``certificate`` is PEM, the lowest first; ``key`` is that of the lowest,
    PEM, where it is to be kept here, and empty where the signer has it (``key_place``)."""

    source: Source
    certificate: str = ""
    key: str = field(default="", repr=False)
    key_place: KeyPlace = "builtin"


# --- requests ---------------------------------------------------------------------------------------------------


def request_make(*, actor: Actor, reason: str = "") -> IntermediateRequest:
    """Make a key, sealed, and the request that a root elsewhere is to sign; in place of one that waits. Raises
    PermissionDenied."""
    actor.require("security.write")
    with commit(actor=actor, action="authority.request", obj="authority:mesh", reason=reason) as change:
        csr, key = pki.make_request(change.mesh.trust_domain)
        digest = _digest(key.public_key())
        IntermediateRequest.objects.filter(pk=1).delete()
        row = IntermediateRequest.objects.create(
            pk=1,
            csr=csr.public_bytes(serialization.Encoding.PEM).decode(),
            key_digest=digest,
            sealed_key=sealed_key(key, digest),
            actor=actor.name,
        )
        change.summary = f"request {digest[:16]} for an intermediate made"
        change.after = {"key_digest": digest}
    return row


def request_withdraw(*, actor: Actor, reason: str = "") -> None:
    """Forget the request that waits, and its key. Raises PermissionDenied, NotFound."""
    actor.require("security.write")
    with commit(actor=actor, action="authority.withdraw", obj="authority:mesh", reason=reason) as change:
        row = waiting_request()
        if row is None:
            raise NotFound("no request waits")
        row.delete()
        change.summary = f"request {row.key_digest[:16]} withdrawn"
        change.before = {"key_digest": row.key_digest}


def waiting_request() -> IntermediateRequest | None:
    return IntermediateRequest.objects.filter(pk=1).first()


# --- certificates -----------------------------------------------------------------------------------------------


def intermediate_set(*, actor: Actor, offer: Offer, reason: str = "", dry_run: bool = False) -> Authority:
    """Have leaves signed by a new intermediate under the root that there is, and return it; those of the former one
    stay good.

    Raises PermissionDenied, InvalidInput, Conflict (``root_elsewhere``, ``other_root``), AuthorityUnavailable.
    """
    actor.require("security.write")
    authority_ensure()
    with commit(
        actor=actor, action="authority.intermediate", obj="authority:mesh", reason=reason, dry_run=dry_run
    ) as change:
        root, before = active(ROOT), active(INTERMEDIATE)
        assert root is not None and before is not None
        if offer.source == "made":
            _refuse_content(offer)
            if root.key == Authority.Key.ELSEWHERE:
                raise Conflict("the root's key is not here: have a request signed", code="root_elsewhere")
            row = intermediate_make(root, timezone.now())
        else:
            row = _brought_below(root, offer)
        change.summary = f"intermediate {row.fingerprint[:16]} in place of {before.fingerprint[:16]}"
        change.before, change.after = described(before), described(row)
    return row


def root_prepare(offer: Offer) -> Authority:
    """A root that is pending, with an intermediate ready below it. Runs within a commit. Raises InvalidInput,
    AuthorityUnavailable."""
    needs = _needs()
    if offer.source == "made":
        _refuse_content(offer)
        made = pki.make_root(needs.trust_domain, needs.now)
        root = keep(made.certificate, key=made.key)
        intermediate_make(root, needs.now, state=PENDING)
        return root
    chain = read_chain(offer.certificate, needs)
    if _row(chain.root, state=ACTIVE):
        raise InvalidInput.field("certificate", "same_root", "it is of the root that the mesh has already")
    issuer = _proven(chain, offer, needs)
    if chain.intermediate is not None:
        root = keep(chain.root, place=Authority.Key.ELSEWHERE, origin=_origin(offer))
        _keep_intermediate(chain, issuer, root, offer)
        return root
    root = keep(chain.root, key=_kept_key(issuer, offer), place=_place(offer), origin=_origin(offer))
    intermediate_make(root, needs.now, state=PENDING)
    return root


def _brought_below(root: Authority, offer: Offer) -> Authority:
    needs = _needs()
    chain = read_chain(offer.certificate, needs, root=root.certificate)
    if _fingerprint(chain.root) != root.fingerprint:
        raise Conflict("it is of another root: that takes a rotation", code="other_root")
    if chain.intermediate is None:
        raise InvalidInput.field("certificate", "no_intermediate", "it is the root itself")
    if _row(chain.intermediate, state=ACTIVE):
        raise InvalidInput.field("certificate", "known", "it is in use already")
    issuer = _proven(chain, offer, needs)
    retire(INTERMEDIATE)
    return _keep_intermediate(chain, issuer, root, offer, state=ACTIVE)


def _proven(chain: Chain, offer: Offer, needs: Needs) -> pki.Signer:
    """The lowest certificate with its key, which have proved that proxies will accept what they sign."""
    issuer = pki.Signer(chain.lowest, _key(chain, offer))
    try:
        below = issuer
        if chain.intermediate is None:
            below = pki.make_intermediate(issuer, needs.trust_domain, needs.now, needs.leaf_lifetime)
        try_out(below, chain.links, chain.root, needs)
    except AuthorityUnavailable as error:
        raise InvalidInput.field("key_place", "signer_failed", error.detail) from error
    return issuer


def _key(chain: Chain, offer: Offer) -> pki.SigningKey:
    if offer.source == "offline":
        return _requested_key(chain, offer)
    if offer.key_place == "external":
        if offer.key:
            raise InvalidInput.field("key", "not_wanted", "the signer has the key")
        try:
            return external_key(chain.lowest)
        except AuthorityUnavailable as error:
            raise InvalidInput.field("key_place", "no_signer", error.detail) from error
    if not offer.key:
        raise InvalidInput.field("key", "required", "the key of the first certificate is needed")
    return read_key(offer.key, chain.lowest)


def _requested_key(chain: Chain, offer: Offer) -> pki.SigningKey:
    """The key of the request that waits, of which this is the certificate; the request is done with then."""
    request = waiting_request()
    if request is None:
        raise InvalidInput.field("source", "no_request", "no request waits to be signed")
    if offer.key or offer.key_place != "builtin":
        raise InvalidInput.field("key", "not_wanted", "the key was made with the request")
    if chain.intermediate is None or _digest(chain.intermediate.public_key()) != request.key_digest:
        raise InvalidInput.field("certificate", "other_key", "the first certificate is not for the request's key")
    try:
        key = opened_key(bytes(request.sealed_key), request.key_digest)
    except SealError as error:
        raise AuthorityUnavailable(f"MESHUI_CA_KEY does not open the request's key: {error}") from error
    request.delete()
    return key


def _keep_intermediate(
    chain: Chain, issuer: pki.Signer, root: Authority, offer: Offer, *, state: Authority.State = PENDING
) -> Authority:
    return keep(
        issuer.certificate,
        root=root,
        key=_kept_key(issuer, offer),
        place=_place(offer),
        origin=_origin(offer),
        state=state,
        links="".join(map(pki.pem, chain.links)),
    )


def _kept_key(issuer: pki.Signer, offer: Offer) -> pki.SigningKey | None:
    return issuer.key if offer.key_place == "builtin" else None


def _place(offer: Offer) -> Authority.Key:
    return Authority.Key(offer.key_place)


def _origin(offer: Offer) -> Authority.Origin:
    return Authority.Origin(offer.source)


def _refuse_content(offer: Offer) -> None:
    for name, given in (("certificate", offer.certificate), ("key", offer.key)):
        if given:
            raise InvalidInput.field(name, "not_wanted", "it is made here")
    if offer.key_place != "builtin":
        raise InvalidInput.field("key_place", "not_wanted", "keys that are made here are kept here")


def _row(certificate: x509.Certificate, state: Authority.State) -> Authority | None:
    return Authority.objects.filter(fingerprint=_fingerprint(certificate), state=state).first()


def _needs() -> Needs:
    return Needs(current_mesh().trust_domain, timezone.now(), leaf_lifetime())


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _digest(key: object) -> str:
    """SHA-256 of a public key's DER, hex."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return digest.finalize().hex()
