"""The world of a rollout, as a test wants it: time, health, acknowledgements and what the canary answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from meshui.catalog.models import Instance, Proxy, Service
from meshui.core.actors import Actor, system
from meshui.core.models import Mesh, Revision
from meshui.delivery.models import Applied, RevisionResource
from meshui.rollouts import analysing, ledger, reconcile
from meshui.rollouts.analysis.observations import NoData, Unavailable
from meshui.rollouts.metrics.mesh import Reading, VersionCounts
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Analyse, Analysis, AnyStep, Bake, Metric, Plan, Safety, SetWeight
from meshui.rollouts.services import rollout_act, rollout_create
from meshui.traffic.selectors import overlay_of, owner_of, split_of

AUTHOR = Actor(name="ada", grants={"shop": frozenset({"view", "traffic.write"})})
OTHER = Actor(name="olga", grants={"shop": frozenset({"view", "traffic.write"})})
SERVICE = "shop/catalog"
RESOURCE = f"service:{SERVICE}"
STEPS: tuple[AnyStep, ...] = (
    SetWeight(weight=5),
    Bake(ms=60_000),
    Analyse(),
    SetWeight(weight=50),
    SetWeight(weight=100),
)
SAFETY = Safety(warm_ms=30_000)


class World:
    """Time stands still unless ``pass_time`` is called. The canary and stable answer alike unless ``answers`` says
    otherwise."""

    def __init__(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        self.service = service
        self.now = timezone.now()
        self.reading: tuple[Mapping[str, tuple[int, int]], int] | NoData | Unavailable = (
            {"v1": (5000, 5), "v2": (300, 0)},
            1,
        )
        self.until = 1000.0
        monkeypatch.setattr(ledger, "now", lambda: self.now)
        monkeypatch.setattr(analysing.mesh, "read", self._read)
        for module in ("starting", "acting"):
            monkeypatch.setattr(f"meshui.rollouts.services.{module}.send_soon", lambda *_: None)
        for version in ("v1", "v2"):
            self.add_instance(f"{version}-a", version)
        self.proxy = self.add_proxy("p1")

    # --- the mesh

    def add_instance(self, name: str, version: str) -> Instance:
        row = self.service.versions.get(name=version)
        port = 9000 + Instance.objects.count()
        return Instance.objects.create(id=name, service=self.service, version=row, address="127.0.0.1", port=port)

    def add_proxy(self, name: str) -> Proxy:
        version = self.service.versions.get(name="v1")
        return Proxy.objects.create(
            id=name,
            name=name,
            service=self.service,
            version=version,
            listeners=[{"kind": "outbound", "port": 15001}],
            redis_password_sha256="0" * 64,
            last_seen_at=timezone.now(),
        )

    def health(self, version: str, *, passing: bool) -> None:
        status = Instance.Status.PASSING if passing else Instance.Status.CRITICAL
        Instance.objects.filter(service=self.service, version__name=version).update(status=status)

    def fresh(self) -> Service:
        return Service.objects.get(pk=self.service.pk)

    def split(self) -> dict[str, int]:
        return split_of(self.fresh())

    def overlay(self) -> Any:
        return overlay_of(self.fresh())

    def owner(self) -> str:
        return owner_of(self.fresh())

    # --- proxies

    def publish(self) -> None:
        """What the push does to the database."""
        epoch = Mesh.objects.get().epoch
        for revision in Revision.objects.filter(published_at__isnull=True):
            RevisionResource.objects.create(
                revision=revision.number, resource=RESOURCE, epoch=epoch, at_revision=revision.number, version="x"
            )
            Revision.objects.filter(pk=revision.pk).update(published_at=timezone.now())

    def acknowledge(self, *proxies: str) -> None:
        """All proxies, or those named, take what is published."""
        self.publish()
        mesh = Mesh.objects.get()
        for proxy in Proxy.objects.filter(pk__in=proxies) if proxies else Proxy.objects.all():
            Applied.objects.update_or_create(
                resource=RESOURCE, proxy=proxy, defaults={"epoch": mesh.epoch, "revision": mesh.revision}
            )

    def refuse(self, proxy: str, error: str) -> None:
        self.publish()
        mesh = Mesh.objects.get()
        Applied.objects.update_or_create(
            resource=RESOURCE,
            proxy_id=proxy,
            defaults={"refused_epoch": mesh.epoch, "refused_revision": mesh.revision, "error": error},
        )

    # --- time and traffic

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def answers(self, *, v1: tuple[int, int], v2: tuple[int, int]) -> None:
        """Requests and errors of each version in every window from now on."""
        self.reading = ({"v1": v1, "v2": v2}, 1)

    def _read(self, service: str, since: float | None) -> Reading | NoData | Unavailable:
        assert service == SERVICE
        if isinstance(self.reading, NoData | Unavailable):
            return self.reading
        self.until += 15
        counts, frames = self.reading
        versions = {version: VersionCounts(*numbers, ((10, numbers[0]),)) for version, numbers in counts.items()}
        return Reading(since or self.until - 15, self.until, frames, versions)

    # --- rollouts

    def plan(self, steps: Sequence[AnyStep] = STEPS, **more: Any) -> Plan:
        values: dict[str, Any] = {
            "service": SERVICE,
            "canary": "v2",
            "strategy": "canary",
            "steps": tuple(steps),
            "analysis": Analysis(metrics=(Metric(name="errors"),)),
            "safety": SAFETY,
        }
        return Plan(**values | more)

    def create(self, steps: Sequence[AnyStep] = STEPS, *, start: bool = True, **more: Any) -> Rollout:
        return rollout_create(actor=AUTHOR, plan=self.plan(steps, **more), start=start)

    def act(self, row: Rollout, action: Any, actor: Actor = AUTHOR, **more: Any) -> Rollout:
        return rollout_act(actor=actor, rollout_id=row.pk, action=action, **more)

    def tick(self, row: Rollout, seconds: float = 0) -> Rollout:
        self.pass_time(seconds)
        reconcile.tick(row.pk)
        return self.again(row)

    def step(self, row: Rollout, seconds: float = 0) -> Rollout:
        """A tick, with everything acknowledged before and after it."""
        self.acknowledge()
        self.tick(row, seconds)
        self.acknowledge()
        return self.tick(row)

    def again(self, row: Rollout) -> Rollout:
        return Rollout.objects.select_related("service__namespace").get(pk=row.pk)

    def until_state(self, row: Rollout, state: str, *, every_s: float = 15, most_s: float = 3600) -> Rollout:
        """Ticks, with everything acknowledged, until the rollout is in the state."""
        end: datetime = self.now + timedelta(seconds=most_s)
        row = self.step(row)
        while row.state != state:
            assert self.now < end, (
                f"{row.state} ({row.pause_reason}), step {row.step_index} {row.step_phase}: {row.reason}"
            )
            row = self.step(row, every_s)
        return row

    def story(self, row: Rollout) -> list[str]:
        return list(row.events.order_by("seq").values_list("kind", flat=True))


SETUP = system("test")
