from __future__ import annotations

import redis
from django.utils import timezone

from meshui.delivery.publish import push
from meshui.delivery.services import trust_prune
from meshui.security.models import IssuedCertificate
from meshui.security.services import authority_ensure, certificate_revoke, sign_csr
from proxies.wire import resources as wire
from tests.meshui.delivery.world import ACTOR, World
from tests.meshui.security.support import IDENTITY, new_key, request


def published(store: redis.Redis) -> list[str]:
    push()
    trust = wire.decode(store.get("mesh:res:trust") or b"")
    assert isinstance(trust, wire.TrustResource)
    return trust.body.revoked


def test_a_revoked_certificate_is_published_until_it_ends(world: World, store: redis.Redis) -> None:
    authority_ensure()
    sign_csr(csr_pem=request(new_key()), identity=IDENTITY, dns_names=[], proxy_id="px-1", actor=ACTOR)
    serial = IssuedCertificate.objects.get().serial
    certificate_revoke(actor=ACTOR, serial=serial)
    assert published(store) == [serial]
    assert trust_prune() is None, "it is still good"
    IssuedCertificate.objects.update(not_after=timezone.now())
    assert trust_prune() is not None
    assert published(store) == []
    assert trust_prune() is None
