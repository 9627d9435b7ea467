"""Authorities from outside: what is taken, what is refused and why, and that nothing secret is told."""

from __future__ import annotations

import stat
import subprocess
import sys
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings
from django.test import Client

from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Conflict, InvalidInput, PermissionDenied
from meshui.core.models import Change
from meshui.security import services
from meshui.security.models import Authority, IntermediateRequest
from meshui.security.services import Offer, authority_ensure, intermediate_set, request_make, sign_csr, trust_bundle
from meshui.security.services.authority import sign_under, trust_only
from meshui.security.services.incoming import root_prepare
from tests.meshui.security.support import ACTOR, IDENTITY, Outside, certificates, new_key, request
from tests.meshui.security.test_authority import openssl_verify


@pytest.fixture(autouse=True)
def authority(db: None) -> None:
    authority_ensure()


def prepare(offer: Offer) -> Authority:
    with commit(actor=ACTOR, action="test.prepare", obj="authority:mesh"):
        return root_prepare(offer)


def take_over(offer: Offer) -> Authority:
    """Have the mesh trust and sign under what is offered, at once."""
    with commit(actor=ACTOR, action="test.take_over", obj="authority:mesh") as change:
        root = root_prepare(offer)
        trust_only(change, [root])
        sign_under(root)
    return root


def leaf() -> str:
    return sign_csr(
        csr_pem=request(new_key()), identity=IDENTITY, dns_names=["catalog.shop.mesh"], proxy_id="p", actor=ACTOR
    )


def refusal(offer: Offer) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as refused:
        prepare(offer)
    assert Authority.objects.count() == 2, "nothing is kept"
    (error,) = refused.value.errors
    return error.path, error.code


def imported(*chain: Outside, key: str | None = None) -> Offer:
    return Offer("imported", "".join(ca.certificate for ca in chain), chain[0].pem_key if key is None else key)


# --- what is taken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", [new_key(), ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
)
def test_a_root_with_its_key_signs_through_an_intermediate_of_ours(
    key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    root = Outside(key=key)
    row = take_over(imported(root))
    assert (row.origin, row.key) == ("imported", "builtin")
    chain = leaf()
    assert trust_bundle() == [root.certificate]
    assert openssl_verify(tmp_path, chain).stdout.strip().endswith(": OK")
    authority_ensure()


def test_an_intermediate_with_links_leaves_its_root_offline(tmp_path: Path) -> None:
    root = Outside()
    between = Outside(root, name="between")
    lowest = Outside(between, name="lowest", path_length=0)
    row = take_over(imported(lowest, between, root))
    assert (row.origin, row.key, bytes(row.sealed_key)) == ("imported", "elsewhere", b"")
    chain = leaf()
    assert [c.subject.rfc4514_string() for c in certificates(chain)[1:]] == ["CN=lowest", "CN=between"]
    assert openssl_verify(tmp_path, chain).stdout.strip().endswith(": OK")


def test_what_is_imported_is_told_without_its_key() -> None:
    root = Outside()
    offer = imported(root)
    take_over(offer)
    assert root.pem_key not in repr(offer)
    told = str([(change.before, change.after, change.summary) for change in Change.objects.all()])
    assert "PRIVATE" not in told
    assert not any(b"PRIVATE" in bytes(row.sealed_key) for row in Authority.objects.all())


# --- what is refused --------------------------------------------------------------------------------------------

GARBAGE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
ROOT = Outside()
OTHER = Outside(name="other")
NAMES = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://other.domain")])
CONSTRAINTS = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None)
CLIENTS = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])
ENCRYPTED = new_key().private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
)


@pytest.mark.parametrize(
    ("make", "path", "code"),
    [
        (lambda: Offer("imported", "", "x"), "certificate", "malformed"),
        (lambda: Offer("imported", GARBAGE, "x"), "certificate", "malformed"),
        (lambda: Offer("imported", ROOT.certificate * 6, "x"), "certificate", "too_many"),
        (lambda: Offer("imported", ROOT.certificate * 500, "x"), "certificate", "too_large"),
        (lambda: imported(Outside(ca=False)), "certificate", "not_a_ca"),
        (lambda: imported(Outside(usage=False)), "certificate", "key_usage"),
        (lambda: imported(Outside(path_length=0)), "certificate", "path_length"),
        (lambda: imported(Outside(ROOT), Outside(OTHER), OTHER), "certificate", "broken_chain"),
        (lambda: imported(Outside(ROOT), OTHER), "certificate", "broken_chain"),
        (lambda: imported(Outside(ROOT)), "certificate", "not_self_signed"),
        (lambda: imported(Outside(lasts=timedelta(days=2))), "certificate", "too_short"),
        (lambda: imported(Outside(ROOT, lasts=timedelta(days=2)), ROOT), "certificate", "too_short"),
        (lambda: imported(Outside(begins=timedelta(days=1))), "certificate", "not_yet_valid"),
        (lambda: imported(Outside(key=rsa.generate_private_key(65537, 1024))), "certificate", "weak"),
        (lambda: imported(Outside(extensions=[NAMES])), "certificate", "foreign_domain"),
        (lambda: imported(Outside(extensions=[CONSTRAINTS])), "certificate", "does_not_verify"),
        (lambda: imported(Outside(ROOT, extensions=[CLIENTS]), ROOT), "certificate", "does_not_verify"),
        (lambda: imported(ROOT, key=""), "key", "required"),
        (lambda: imported(ROOT, key="x"), "key", "malformed"),
        (lambda: imported(ROOT, key=OTHER.pem_key), "key", "mismatch"),
        (lambda: imported(ROOT, key=ENCRYPTED.decode()), "key", "encrypted"),
        (lambda: replace(imported(ROOT), key_place="external"), "key", "not_wanted"),
        (lambda: replace(imported(ROOT, key=""), key_place="external"), "key_place", "no_signer"),
        (lambda: Offer("offline", ROOT.certificate), "source", "no_request"),
        (lambda: Offer("made", "x"), "certificate", "not_wanted"),
        (lambda: Offer("made", key_place="external"), "key_place", "not_wanted"),
        (lambda: Offer("imported", trust_bundle()[0], "x"), "certificate", "same_root"),
    ],
)  # fmt: skip
def test_what_proxies_would_choke_on_is_refused(make: Callable[[], Offer], path: str, code: str) -> None:
    assert refusal(make()) == (path, code)


# --- signed elsewhere -------------------------------------------------------------------------------------------


def signed(root: Outside, row: IntermediateRequest, **more: object) -> str:
    """What the holder of a root makes of a request."""
    csr = x509.load_pem_x509_csr(row.csr.encode())
    return Outside(root, name="ours", public=csr.public_key(), path_length=0, **more).certificate  # type: ignore[arg-type]


def test_a_root_that_stays_offline_signs_our_request(tmp_path: Path) -> None:
    root, row = Outside(), request_make(actor=ACTOR)
    kept = take_over(Offer("offline", signed(root, row) + root.certificate))
    assert (kept.origin, kept.key) == ("offline", "elsewhere")
    assert not IntermediateRequest.objects.exists(), "it is done with"
    chain = leaf()
    assert openssl_verify(tmp_path, chain).stdout.strip().endswith(": OK")
    before = Authority.objects.get(kind="intermediate", state="active")
    Authority.objects.filter(pk=before.pk).update(not_after=before.not_after - timedelta(days=998))
    authority_ensure()
    assert Authority.objects.get(kind="intermediate", state="active").pk == before.pk, "nobody here can make the next"
    after = intermediate_set(actor=ACTOR, offer=Offer("offline", signed(root, request_make(actor=ACTOR))))
    assert after.root_id == before.root_id and after.pk != before.pk
    assert openssl_verify(tmp_path, leaf()).stdout.strip().endswith(": OK")


def test_a_certificate_for_another_key_is_refused_and_the_request_stays() -> None:
    root, row = Outside(), request_make(actor=ACTOR)
    other = Outside(root, name="ours")
    assert refusal(Offer("offline", other.certificate + root.certificate)) == ("certificate", "other_key")
    assert refusal(Offer("offline", signed(root, row, ca=False) + root.certificate)) == ("certificate", "not_a_ca")
    assert IntermediateRequest.objects.get().key_digest == row.key_digest


def test_there_is_one_request_at_a_time_and_its_key_is_sealed() -> None:
    first, second = request_make(actor=ACTOR), request_make(actor=ACTOR)
    assert first.key_digest != second.key_digest
    assert IntermediateRequest.objects.get().key_digest == second.key_digest
    assert b"PRIVATE" not in bytes(second.sealed_key)
    services.request_withdraw(actor=ACTOR)
    assert not IntermediateRequest.objects.exists()


# --- under the root that there is --------------------------------------------------------------------------------


def test_a_new_intermediate_takes_over_at_once_and_the_former_ones_leaves_stay_good(tmp_path: Path) -> None:
    before = leaf()
    row = intermediate_set(actor=ACTOR, offer=Offer("made"))
    assert Authority.objects.get(kind="intermediate", state="active").pk == row.pk
    for chain in (before, leaf()):
        assert openssl_verify(tmp_path, chain).stdout.strip().endswith(": OK")


def test_a_certificate_of_another_root_takes_a_rotation() -> None:
    root = Outside()
    with pytest.raises(Conflict) as refused:
        intermediate_set(actor=ACTOR, offer=imported(Outside(root), root))
    assert refused.value.code == "other_root"


def test_without_the_roots_key_nothing_is_made_below_it() -> None:
    root = Outside()
    take_over(imported(Outside(root), root))
    with pytest.raises(Conflict) as refused:
        intermediate_set(actor=ACTOR, offer=Offer("made"))
    assert refused.value.code == "root_elsewhere"


def test_it_takes_the_permission() -> None:
    eve = Actor("eve", {"shop": frozenset({"security.write"})})
    for act in (lambda: request_make(actor=eve), lambda: intermediate_set(actor=eve, offer=Offer("made"))):
        with pytest.raises(PermissionDenied):
            act()


# --- with a signer ----------------------------------------------------------------------------------------------

SIGNER = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = serialization.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256())))
"""


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Outside], None]:
    """Stands in for a hardware module: a program of its own that has the key, in a file that we never read."""

    def hold(ca: Outside) -> None:
        program, key = tmp_path / "sign.py", tmp_path / "key.pem"
        program.write_text(SIGNER)
        key.write_text(ca.pem_key)
        key.chmod(stat.S_IRUSR)
        command = (sys.executable, str(program), str(key))
        monkeypatch.setattr(settings, "MESHUI", replace(settings.MESHUI, ca_signer=command))

    return hold


def test_a_root_with_a_signer_signs_our_intermediates(signer: Callable[[Outside], None], tmp_path: Path) -> None:
    root = Outside()
    signer(root)
    row = take_over(Offer("imported", root.certificate, key_place="external"))
    assert (row.key, bytes(row.sealed_key)) == ("external", b"")
    assert openssl_verify(tmp_path, leaf()).stdout.strip().endswith(": OK")
    intermediate_set(actor=ACTOR, offer=Offer("made"))
    assert openssl_verify(tmp_path, leaf()).stdout.strip().endswith(": OK")


def test_an_intermediate_with_a_signer_signs_every_leaf(signer: Callable[[Outside], None], tmp_path: Path) -> None:
    root = Outside()
    lowest = Outside(root, name="lowest", path_length=0)
    signer(lowest)
    take_over(Offer("imported", lowest.certificate + root.certificate, key_place="external"))
    assert openssl_verify(tmp_path, leaf()).stdout.strip().endswith(": OK")


def test_a_signer_with_another_key_is_found_out(signer: Callable[[Outside], None]) -> None:
    signer(Outside())
    assert refusal(Offer("imported", ROOT.certificate, key_place="external")) == ("key_place", "signer_failed")


def test_the_bundle_is_for_everybody() -> None:
    pem = Client().get("/api/v1/authority/bundle.pem")
    assert pem.content.decode() == trust_bundle()[0]
    body = Client().get("/api/v1/authority/bundle.json").json()
    (key,) = body["keys"]
    root = x509.load_pem_x509_certificate(trust_bundle()[0].encode())
    assert (key["kty"], key["crv"], key["use"]) == ("EC", "P-256", "x509-svid")
    assert x509.load_der_x509_certificate(b64decode(key["x5c"][0])) == root
    point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
    assert point.public_key() == root.public_key()
    assert body["spiffe_sequence"] > 0 and body["spiffe_refresh_hint"] > 0


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def test_openssl_signs_our_request_as_the_guide_says(tmp_path: Path) -> None:
    (tmp_path / "request.pem").write_text(request_make(actor=ACTOR).csr)
    root = Outside()
    (tmp_path / "root.pem").write_text(root.certificate)
    (tmp_path / "root.key").write_text(root.pem_key)
    words = "x509 -req -in request.pem -CA root.pem -CAkey root.key -days 730 -sha256 -copy_extensions copyall"
    subprocess.run(
        ["openssl", *words.split(), "-out", "intermediate.pem"], cwd=tmp_path, check=True, capture_output=True
    )
    take_over(Offer("offline", (tmp_path / "intermediate.pem").read_text() + root.certificate))
    assert openssl_verify(tmp_path, leaf()).stdout.strip().endswith(": OK")
