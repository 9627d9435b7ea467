"""The registry's own credentials."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from meshui.security import registry, services
from meshui.security.models import IssuedCertificate
from meshui.security.registry import RegistryCredentials

IDENTITY = "spiffe://mesh.local/ns/meshui/svc/registry"


@pytest.fixture
def credentials(db: None) -> RegistryCredentials:
    made = RegistryCredentials()
    assert made.context is None
    made.refresh()
    return made


def test_they_are_signed_for_the_registry_and_trust_the_mesh_alone(credentials: RegistryCredentials) -> None:
    record = IssuedCertificate.objects.get()
    assert (record.identity, record.proxy_id, record.actor) == (IDENTITY, "", "system:registry")
    context = credentials.context
    assert context is not None
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.get_ca_certs(binary_form=True) == [
        ssl.PEM_cert_to_DER_cert(root) for root in services.trust_bundle()
    ]


def test_they_are_renewed_at_half_their_life_and_not_before(
    credentials: RegistryCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = credentials.context
    credentials.refresh()
    assert credentials.context is first
    later = timezone.now() + timedelta(seconds=settings.MESHUI.leaf_ttl_s / 2 + 1)
    monkeypatch.setattr(registry.timezone, "now", lambda: later)
    credentials.refresh()
    assert credentials.context is not first
    assert IssuedCertificate.objects.count() == 2


def test_they_follow_the_roots(credentials: RegistryCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    first = credentials.context
    (root,) = services.trust_bundle()
    monkeypatch.setattr(registry, "trust_bundle", lambda: [root, root])
    credentials.refresh()
    assert credentials.context is not first


def test_they_follow_the_root_that_signs(credentials: RegistryCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    first = credentials.context
    monkeypatch.setattr(registry, "signing_root", lambda: "another")
    credentials.refresh()
    assert credentials.context is not first
