"""Proxies as the control plane knows them: they acknowledge, renew and report by calling what the collector calls."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from meshui.catalog.models import Proxy
from meshui.catalog.services import heartbeats_record
from meshui.delivery.applied import write
from meshui.delivery.models import Published
from meshui.delivery.publish import push
from meshui.rotation import services
from meshui.security.models import IssuedCertificate
from meshui.security.services import authority_ensure, sign_csr
from proxies.wire.reports import Ack, Acks
from tests.meshui.delivery.world import ACTOR, World
from tests.meshui.security.support import IDENTITY, new_key, request

ALL = ("px-1", "px-2", "px-3")


class Members:
    def __init__(self, world: World) -> None:
        authority_ensure()
        for proxy in ALL:
            world.add_proxy("shop/catalog", proxy)
        push()
        self.acknowledge(*ALL)
        for proxy in ALL:
            self.renew(proxy)

    def acknowledge(self, *proxies: str, status: str = "ack") -> None:
        """Say of the bundle as it is published that it was taken, or refused."""
        push()
        trust = Published.objects.get(resource="trust")
        ack = Ack("trust", trust.epoch, trust.revision, trust.version, status, time.time(), "no")  # type: ignore[arg-type]
        write([Acks(proxy, [ack]) for proxy in proxies])

    def renew(self, *proxies: str, report: bool = True) -> None:
        """Have the next certificate signed, and report it, or have the answer lost."""
        for proxy in proxies:
            sign_csr(csr_pem=request(new_key()), identity=IDENTITY, dns_names=[], proxy_id=proxy, actor=ACTOR)
            self._tell_apart(proxy)
            if report:
                self.report(proxy)

    def report(self, proxy: str, root: str = "") -> None:
        """Use the newest certificate, or the newest under a root."""
        rows = IssuedCertificate.objects.filter(proxy_id=proxy)
        held = (rows.filter(authority__root__fingerprint=root) if root else rows).latest("pk")
        heartbeats_record(proxy_ids=[proxy], at=timezone.now(), certificate_ends={proxy: held.not_after})

    def silence(self, proxy: str) -> None:
        Proxy.objects.filter(pk=proxy).update(last_seen_at=timezone.now() - timedelta(minutes=1))

    @staticmethod
    def ordered() -> set[str]:
        """Who was told to renew the certificate that it has."""
        rows = IssuedCertificate.objects.exclude(renewal_ordered_at=None)
        return set(rows.values_list("proxy_id", flat=True))

    @staticmethod
    def state() -> str:
        """Where the rotation stands once it did all that is due."""
        while services.advance():
            push()
        return services.Rotation.objects.latest("pk").state

    @staticmethod
    def settle() -> None:
        """Let time pass: what was replaced, was so a while ago."""
        IssuedCertificate.objects.exclude(replaced_at=None).update(replaced_at=timezone.now() - timedelta(minutes=1))

    @staticmethod
    def _tell_apart(proxy: str) -> None:
        """Certificates of one second end in the same one; by another second for each they are told apart."""
        newest = IssuedCertificate.objects.filter(proxy_id=proxy).latest("pk")
        IssuedCertificate.objects.filter(pk=newest.pk).update(not_after=newest.not_after + timedelta(seconds=newest.pk))
