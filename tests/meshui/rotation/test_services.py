"""A rotation from its start to its end, step by step, with everything that may go wrong on the way."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from meshui.catalog.models import Proxy
from meshui.core.actors import Actor
from meshui.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from meshui.core.models import Change
from meshui.rotation import services
from meshui.rotation.models import Rotation
from meshui.security import pki
from meshui.security.errors import CertificateRefused
from meshui.security.models import Authority, IssuedCertificate
from meshui.security.services import Offer, authority_ensure, signing_root, trust_bundle
from meshui.security.signers import signer_of
from meshui.security.verify import read_leaf
from tests.meshui.delivery.world import ACTOR
from tests.meshui.rotation.members import ALL, Members

MADE = Offer("made")


def start() -> Rotation:
    return services.rotation_start(actor=ACTOR, offer=MADE, reason="yearly")


def trusted() -> set[str]:
    return set(Authority.objects.filter(trusted=True).values_list("fingerprint", flat=True))


def to_retiring(members: Members) -> Rotation:
    rotation = start()
    members.acknowledge(*ALL)
    assert members.state() == "reissuing"
    members.renew(*ALL)
    assert members.state() == "retiring"
    return services.get_rotation(rotation.pk)


def test_the_whole_way(members: Members) -> None:
    rotation = start()
    old, new = rotation.old.fingerprint, rotation.new.fingerprint
    assert trusted() == {old, new} and signing_root() == old
    assert members.state() == "publishing", "nobody has the new root yet"
    members.acknowledge("px-1", "px-2")
    assert members.state() == "publishing", "px-3 has not"
    members.acknowledge("px-3")
    assert members.state() == "reissuing"
    assert signing_root() == new and trusted() == {old, new}
    assert members.ordered() == set(ALL)
    members.renew("px-1", "px-2")
    assert members.state() == "reissuing"
    members.renew("px-3")
    assert members.state() == "retiring", "handshakes that began with old certificates may be under way"
    members.settle()
    assert members.state() == "removing"
    assert trusted() == {new} and len(trust_bundle()) == 1
    members.acknowledge(*ALL)
    assert members.state() == "done"
    rotation.refresh_from_db()
    assert rotation.finished_at is not None
    assert [entry["state"] for entry in rotation.history] == ["publishing", "reissuing", "retiring", "removing", "done"]
    assert not any(row.sealed_key for row in Authority.objects.filter(state="retired")), "old keys are destroyed"
    assert Authority.objects.get(kind="intermediate", state="active").root_id == rotation.new_id
    assert not services.advance()


def test_every_step_is_in_the_change_log_without_a_secret(members: Members) -> None:
    to_retiring(members)
    changes = list(Change.objects.filter(action__startswith="rotation.").order_by("pk"))
    assert [change.action for change in changes][:2] == ["rotation.start", "rotation.advance"]
    assert changes[0].reason == "yearly"
    assert "PRIVATE" not in str([(change.before, change.after, change.summary) for change in changes])


def test_one_at_a_time(members: Members) -> None:
    start()
    with pytest.raises(Conflict) as refused:
        start()
    assert refused.value.code == "rotation_under_way"
    assert Rotation.objects.count() == 1 and Authority.objects.filter(kind="root").count() == 2


def test_a_dry_run_leaves_nothing(members: Members) -> None:
    services.rotation_start(actor=ACTOR, offer=MADE, dry_run=True)
    assert not Rotation.objects.exists() and Authority.objects.filter(kind="root").count() == 1


def test_an_answer_that_was_lost_is_not_a_renewal(members: Members) -> None:
    start()
    members.acknowledge(*ALL)
    assert members.state() == "reissuing"
    members.renew("px-1", "px-2")
    members.renew("px-3", report=False)
    assert members.state() == "reissuing", "px-3 uses its old certificate"
    members.report("px-3")
    assert members.state() == "retiring"


def test_a_proxy_that_comes_back_with_what_it_had_kept_is_told_again(members: Members) -> None:
    rotation = to_retiring(members)
    members.settle()
    members.report("px-2", rotation.old.fingerprint)
    assert members.state() == "retiring"
    assert "px-2" in members.ordered()
    members.renew("px-2")
    members.settle()
    assert members.state() == "removing"


def test_who_joins_on_the_way_is_waited_for(members: Members, world: object) -> None:
    start()
    members.acknowledge(*ALL)
    world.add_proxy("shop/cart", "px-4")  # type: ignore[attr-defined]
    assert members.state() == "publishing"
    members.acknowledge("px-4")
    assert members.state() == "reissuing"


def test_a_refusal_holds_it(members: Members) -> None:
    start()
    members.acknowledge("px-1", "px-2")
    members.acknowledge("px-3", status="nack")
    assert members.state() == "publishing"


def test_paused_it_takes_no_step_and_orders_nothing(members: Members) -> None:
    rotation = start()
    services.rotation_pause(actor=ACTOR, rotation_id=rotation.pk)
    members.acknowledge(*ALL)
    assert members.state() == "publishing"
    services.rotation_pause(actor=ACTOR, rotation_id=rotation.pk)
    services.rotation_resume(actor=ACTOR, rotation_id=rotation.pk)
    assert members.state() == "reissuing"
    assert Change.objects.filter(action="rotation.pause").count() == 1, "the second changed nothing"


def test_it_goes_back_as_carefully_as_forward(members: Members) -> None:
    rotation = to_retiring(members)
    services.rotation_pause(actor=ACTOR, rotation_id=rotation.pk)
    services.rotation_abort(actor=ACTOR, rotation_id=rotation.pk, reason="not today")
    assert members.state() == "withdrawing"
    assert signing_root() == rotation.old.fingerprint and len(trusted()) == 2
    assert members.ordered() == set(ALL)
    services.rotation_abort(actor=ACTOR, rotation_id=rotation.pk)
    members.renew(*ALL)
    assert members.state() == "withdrawing"
    members.settle()
    assert members.state() == "dropping"
    assert trusted() == {rotation.old.fingerprint}
    members.acknowledge(*ALL)
    assert members.state() == "aborted"
    assert Authority.objects.get(kind="root", state="active").pk == rotation.old_id
    start()


def test_before_anything_was_signed_there_is_nothing_to_take_back(members: Members) -> None:
    rotation = start()
    members.acknowledge("px-1")
    services.rotation_abort(actor=ACTOR, rotation_id=rotation.pk)
    assert members.state() == "dropping", "px-1 has the new root"
    members.acknowledge("px-1")
    assert members.state() == "dropping", "the others may have taken it a moment ago"
    members.acknowledge("px-2", "px-3")
    assert members.state() == "aborted"


def test_there_is_no_way_back_once_trust_has_ended(members: Members) -> None:
    rotation = to_retiring(members)
    members.settle()
    assert members.state() == "removing"
    with pytest.raises(Conflict) as refused:
        services.rotation_abort(actor=ACTOR, rotation_id=rotation.pk)
    assert refused.value.code == "too_late"


def test_a_silent_proxy_is_waited_for_until_somebody_passes_it_over(members: Members) -> None:
    rotation = start()
    members.acknowledge("px-1", "px-2")
    members.silence("px-3")
    assert members.state() == "publishing"
    with pytest.raises(Conflict) as refused:
        services.rotation_pass(actor=ACTOR, rotation_id=rotation.pk, proxy_id="px-1")
    assert refused.value.code == "not_missing"
    with pytest.raises(NotFound):
        services.rotation_pass(actor=ACTOR, rotation_id=rotation.pk, proxy_id="px-9")
    services.rotation_pass(actor=ACTOR, rotation_id=rotation.pk, proxy_id="px-3", reason="scrapped")
    assert members.state() == "reissuing"
    members.renew("px-1", "px-2")
    members.settle()
    assert members.state() == "removing"


def test_what_is_under_a_removed_root_renews_no_more(members: Members) -> None:
    rotation = start()
    old = IssuedCertificate.objects.filter(proxy_id="px-3").latest("pk")
    services.rotation_pass(actor=ACTOR, rotation_id=rotation.pk, proxy_id="px-3")
    members.acknowledge("px-1", "px-2")
    assert members.state() == "reissuing"
    chain = _again(old)
    assert read_leaf(chain, timezone.now()).proxy_id == "px-3"
    members.renew("px-1", "px-2")
    members.settle()
    assert members.state() == "removing"
    with pytest.raises(CertificateRefused) as refused:
        read_leaf(chain, timezone.now())
    assert refused.value.code == "root_removed"


def _again(record: IssuedCertificate) -> str:
    """A certificate as the one recorded, by the same authority."""
    issuer = signer_of(record.authority)
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer.certificate.subject)
    builder = builder.public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    builder = builder.serial_number(int(record.serial, 16))
    builder = builder.not_valid_before(record.not_before).not_valid_after(record.not_after)
    return pki.pem(builder.sign(issuer.key, hashes.SHA256()))


def test_a_proxy_whose_certificate_ended_while_it_was_silent_holds_nobody_up(members: Members) -> None:
    start()
    members.acknowledge("px-1", "px-2")
    members.silence("px-3")
    Proxy.objects.filter(pk="px-3").update(certificate_not_after=timezone.now())
    assert members.state() == "reissuing"


def test_the_intermediate_may_be_renewed_on_the_way(members: Members) -> None:
    rotation = to_retiring(members)
    Authority.objects.filter(kind="intermediate", state="active").update(not_after=timezone.now())
    authority_ensure()
    assert signing_root() == rotation.new.fingerprint
    members.settle()
    assert members.state() == "removing"


def test_it_takes_the_permission_in_the_whole_mesh(members: Members) -> None:
    nobody = Actor("eve", {"shop": frozenset({"view", "security.write"})})
    with pytest.raises(PermissionDenied):
        services.rotation_start(actor=nobody, offer=MADE)
    with pytest.raises(InvalidInput):
        services.rotation_start(actor=ACTOR, offer=Offer("made", key="x"))
