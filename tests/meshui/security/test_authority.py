from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from meshui.core.errors import InvalidInput
from meshui.core.models import Change, Outbox
from meshui.security import csr, pki, signers
from meshui.security.errors import AuthorityUnavailable
from meshui.security.models import Authority, IssuedCertificate
from meshui.security.services import authority as services
from tests.meshui.security.support import ACTOR, IDENTITY, certificates, new_key, request


@pytest.fixture
def authority(db: None) -> None:
    services.authority_ensure()


def sign(csr_pem: str, **changes: object) -> str:
    arguments = {
        "csr_pem": csr_pem,
        "identity": IDENTITY,
        "dns_names": ["catalog.shop.mesh"],
        "proxy_id": "p1",
        "actor": ACTOR,
    }
    return services.sign_csr(**(arguments | changes))  # type: ignore[arg-type]


def openssl_verify(folder: Path, chain: str) -> subprocess.CompletedProcess[str]:
    leaf, *others = certificates(chain)
    for name, text in (
        ("root", services.trust_bundle()[0]),
        ("leaf", pki.pem(leaf)),
        ("others", "".join(map(pki.pem, others))),
    ):
        (folder / name).write_text(text)
    trust = ["-CAfile", str(folder / "root"), "-untrusted", str(folder / "others")]
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *trust, str(folder / "leaf")]
    return subprocess.run(command, capture_output=True, text=True)


# --- what is signed ---------------------------------------------------------------------------------------------


def test_the_chain_verifies_and_names_one_identity(authority: None, tmp_path: Path) -> None:
    chain = sign(request(new_key()))
    assert openssl_verify(tmp_path, chain).stdout.strip().endswith(": OK")
    leaf = certificates(chain)[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [IDENTITY]
    assert names.get_values_for_type(x509.DNSName) == ["catalog.shop.mesh"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {purpose.dotted_string for purpose in usage} == {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}


def test_the_chain_holds_in_a_tls_handshake(authority: None, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "chain").write_text(sign(request(key)))
    (tmp_path / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)]
    for context in contexts:
        context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
        context.load_verify_locations(cadata=services.trust_bundle()[0])
        context.verify_mode = ssl.CERT_REQUIRED
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = contexts[0].wrap_bio(up, down, server_side=True)
    client = contexts[1].wrap_bio(down, up, server_hostname="catalog.shop.mesh")
    for _ in range(4):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    for peer in (client.getpeercert(), server.getpeercert()):
        assert peer and ("URI", IDENTITY) in peer["subjectAltName"]  # type: ignore[operator]


def test_a_leaf_lives_as_long_as_configured_and_begins_a_minute_ago(
    authority: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MESHUI", replace(settings.MESHUI, leaf_ttl_s=10))
    before = timezone.now().replace(microsecond=0)
    leaf = certificates(sign(request(new_key())))[0]
    assert before + timedelta(seconds=10) <= leaf.not_valid_after_utc <= timezone.now() + timedelta(seconds=10)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(seconds=70)


def test_a_signature_is_recorded(authority: None) -> None:
    leaf = certificates(sign(request(new_key())))[0]
    record = IssuedCertificate.objects.get(serial=f"{leaf.serial_number:x}")
    assert (record.identity, record.proxy_id, record.actor) == (IDENTITY, "p1", "system:test")
    assert record.not_after == leaf.not_valid_after_utc


# --- what a stranger may try --------------------------------------------------------------------------------------

FORGED = "spiffe://mesh.local/ns/platform/svc/gateway"


@pytest.mark.parametrize(
    "names",
    [
        [x509.UniformResourceIdentifier(FORGED)],
        [x509.UniformResourceIdentifier(IDENTITY), x509.UniformResourceIdentifier(FORGED)],
        [x509.UniformResourceIdentifier(f"{IDENTITY}\0.evil")],
        [x509.DNSName("gateway.platform.mesh"), x509.DNSName("catalog.shop.mesh\0.evil")],
    ],
    ids=["another identity", "two identities", "NUL in the identity", "other host names"],
)
def test_names_in_the_request_are_ignored(authority: None, names: list[x509.GeneralName]) -> None:
    leaf = certificates(sign(request(new_key(), names, common_name="gateway")))[0]
    assert pki.identity_of(leaf) == IDENTITY
    sans = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sans.get_values_for_type(x509.DNSName) == ["catalog.shop.mesh"]
    assert "gateway" not in leaf.subject.rfc4514_string()


def test_a_request_for_someone_elses_key_is_refused(authority: None) -> None:
    body = x509.load_pem_x509_csr(request(new_key()).encode())
    der = bytearray(body.public_bytes(serialization.Encoding.DER))
    public = body.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    other = (
        new_key().public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    at = der.find(public)
    der[at : at + len(other)] = other
    stolen = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(InvalidInput) as refused:
        sign(stolen)
    assert [(e.path, e.code) for e in refused.value.errors] == [("csr", "not_proven")]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: "", "malformed"),
        (lambda: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "malformed"),
        (lambda: request(new_key()) + " " * csr.MAX_CSR_CHARS, "too_large"),
        (lambda: request(rsa.generate_private_key(65537, 1024)), "weak_key"),
        (lambda: request(ec.generate_private_key(ec.SECP256K1())), "weak_key"),
        (lambda: request(ed25519.Ed25519PrivateKey.generate(), digest=None), "weak_key"),
        (lambda: request(new_key(), digest=hashes.SHA224()), "not_proven"),
    ],
)
def test_bad_requests_are_refused_and_leave_nothing(authority: None, make: object, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sign(make())  # type: ignore[operator]
    assert [(e.path, e.code) for e in refused.value.errors] == [("csr", code)]
    assert not IssuedCertificate.objects.exists()


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_other_strong_keys_are_taken(authority: None, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    chain = sign(request(key))
    assert openssl_verify(tmp_path, chain).returncode == 0
    assert certificates(chain)[0].public_key() == key.public_key()


@given(st.text(max_size=300))
def test_garbage_is_a_typed_error(text: str) -> None:
    with pytest.raises(InvalidInput):
        csr.proven_key(f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----")


@pytest.mark.parametrize(
    "identity",
    [
        "spiffe://other.domain/ns/shop/svc/catalog",
        "spiffe://mesh.local.evil/ns/shop/svc/catalog",
        "spiffe://meshxlocal/ns/shop/svc/catalog",
        "spiffe://mesh.local/ns/shop/svc/catalog\n",
        "spiffe://mesh.local/ns/shop/svc/catalog\0",
        "spiffe://mesh.local/ns/shop/svc/../gateway",
        "spiffe://mesh.local/ns/shop",
        "SPIFFE://mesh.local/ns/shop/svc/catalog",
        "",
    ],
)
def test_an_identity_of_another_shape_or_domain_is_refused(authority: None, identity: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sign(request(new_key()), identity=identity)
    assert refused.value.errors[0].path == "identity"


@pytest.mark.parametrize("name", ["example.com", "mesh", "catalog.shop.mesh.", "catalog.shop.mesh\0", "*.shop.mesh"])
def test_host_names_outside_the_mesh_are_refused(authority: None, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sign(request(new_key()), dns_names=[name])
    assert refused.value.errors[0].path == "dns_names"


@pytest.mark.parametrize(
    ("identity", "dns"),
    [("spiffe://other.domain/ns/shop/svc/catalog", "catalog.shop.mesh"), (IDENTITY, "example.com")],
)
def test_even_a_stolen_intermediate_speaks_for_its_domain_only(
    authority: None, tmp_path: Path, identity: str, dns: str
) -> None:
    row = Authority.objects.get(kind="intermediate")
    leaf = pki.make_leaf(
        signers.signer_of(row), new_key().public_key(), identity, [dns], timezone.now(), timedelta(hours=1)
    )
    verified = openssl_verify(tmp_path, pki.pem(leaf) + row.certificate)
    assert verified.returncode and "permitted subtree violation" in verified.stderr


def test_an_intermediate_cannot_make_another_authority(authority: None, tmp_path: Path) -> None:
    row = Authority.objects.get(kind="intermediate")
    now = timezone.now()
    second = pki.make_intermediate(signers.signer_of(row), "mesh.local", now, timedelta(hours=1))
    leaf = pki.make_leaf(second, new_key().public_key(), IDENTITY, [], now, timedelta(hours=1))
    verified = openssl_verify(tmp_path, pki.pem(leaf) + pki.pem(second.certificate) + row.certificate)
    assert verified.returncode and "path length constraint exceeded" in verified.stderr


# --- the authority itself -----------------------------------------------------------------------------------------


def test_making_it_again_changes_nothing(authority: None) -> None:
    before = list(Authority.objects.values_list("fingerprint", flat=True))
    services.authority_ensure()
    assert list(Authority.objects.values_list("fingerprint", flat=True)) == before
    assert Change.objects.filter(action="authority.ensure").count() == 1


def test_a_new_root_publishes_trust(authority: None) -> None:
    assert Outbox.objects.filter(kind="trust", name="").count() == 1
    assert certificates(services.trust_bundle()[0])[0].subject == certificates(services.trust_bundle()[0])[0].issuer


@pytest.mark.django_db(transaction=True)
def test_many_processes_make_one_authority() -> None:
    start = threading.Barrier(8)
    failures: list[BaseException] = []

    def ensure() -> None:
        try:
            start.wait()
            services.authority_ensure()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ensure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(Authority.objects.values_list("kind", "state")) == [("intermediate", "active"), ("root", "active")]


def test_private_keys_are_not_in_the_database_in_clear(authority: None) -> None:
    for row in Authority.objects.all():
        clear = signers.signer_of(row).key.private_numbers().private_value.to_bytes(32, "big")
        assert clear not in bytes(row.sealed_key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT security_authority::text FROM security_authority")
        assert all("PRIVATE KEY" not in line for (line,) in cursor.fetchall())


def test_another_ca_key_is_named_in_the_error(authority: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MESHUI", replace(settings.MESHUI, ca_key=b"\1" * 32))
    with pytest.raises(AuthorityUnavailable, match="MESHUI_CA_KEY does not open"):
        sign(request(new_key()))
    assert not IssuedCertificate.objects.exists()


def test_a_key_moved_to_another_row_does_not_open(authority: None) -> None:
    root, intermediate = Authority.objects.all()
    Authority.objects.filter(pk=intermediate.pk).update(sealed_key=root.sealed_key)
    with pytest.raises(AuthorityUnavailable):
        sign(request(new_key()))


def test_without_an_authority_nothing_is_signed(db: None) -> None:
    with pytest.raises(AuthorityUnavailable):
        sign(request(new_key()))


def test_the_intermediate_is_renewed_in_time_and_the_root_stays(
    authority: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle, old_chain = services.trust_bundle(), sign(request(new_key()))
    later = timezone.now() + pki.INTERMEDIATE_LIFETIME * 0.7
    monkeypatch.setattr(timezone, "now", lambda: later)
    Outbox.objects.all().delete()
    services.authority_ensure()
    monkeypatch.undo()
    assert services.trust_bundle() == bundle
    assert not Outbox.objects.exists(), "the bundle is as before, so nothing is pushed"
    new_chain = sign(request(new_key()))
    assert certificates(new_chain)[1] != certificates(old_chain)[1]
    assert openssl_verify(tmp_path, old_chain).returncode == 0


def test_an_intermediate_lasts_three_leaves(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MESHUI", replace(settings.MESHUI, leaf_ttl_s=200 * 86_400))
    services.authority_ensure()
    row = Authority.objects.get(kind="intermediate")
    assert row.not_after - row.not_before >= timedelta(days=600)


def test_old_records_are_forgotten(authority: None) -> None:
    sign(request(new_key()))
    assert services.drop_old_records() == 0
    IssuedCertificate.objects.update(not_after=timezone.now() - services.RECORDS_KEPT - timedelta(days=1))
    assert services.drop_old_records() == 1
