"""A small mesh for tests, changed by commits as services do it."""

from __future__ import annotations

import hashlib

from meshui.catalog.models import Instance, Namespace, Proxy, Service, Version
from meshui.core.actors import system
from meshui.core.commits import commit
from meshui.delivery.outbox import last_published
from meshui.traffic.models import TrafficRules
from meshui.traffic.services import split_set
from proxies.wire import resources as wire

ACTOR = system("test")


class World:
    """Every method commits one revision and returns its number."""

    def add_service(self, name: str, weights: dict[str, int]) -> int:
        namespace, _, short = name.partition("/")
        with commit(actor=ACTOR, action="service.create", obj=f"service:{name}") as change:
            row = Service.objects.create(namespace=Namespace.objects.get_or_create(name=namespace)[0], name=short)
            Version.objects.bulk_create(Version(service=row, name=v, weight=w) for v, w in weights.items())
            for kind in ("service", "endpoints", "inbound"):
                change.dirty(kind, name)
            change.dirty("directory")
        return self._number(change.revision)

    def drop_service(self, name: str) -> int:
        with commit(actor=ACTOR, action="service.delete", obj=f"service:{name}") as change:
            self.service(name).delete()
            for kind in ("service", "endpoints", "inbound"):
                change.dirty(kind, name)
            change.dirty("directory")
        return self._number(change.revision)

    def add_proxy(self, service: str, proxy_id: str, password: str = "secret") -> int:
        with commit(actor=ACTOR, action="proxy.join", obj=f"proxy:{proxy_id}") as change:
            row = self.service(service)
            Proxy.objects.create(
                id=proxy_id,
                name=proxy_id,
                service=row,
                version=row.versions.all()[0],
                listeners=[{"kind": "outbound", "port": 15001}],
                redis_password_sha256=hashlib.sha256(password.encode()).hexdigest(),
            )
            change.dirty("proxy", proxy_id)
        return self._number(change.revision)

    def add_instance(self, service: str, instance_id: str, port: int) -> int:
        with commit(actor=ACTOR, action="instance.register", obj=f"instance:{instance_id}") as change:
            row = self.service(service)
            version = row.versions.all()[0]
            Instance.objects.create(id=instance_id, service=row, version=version, address="127.0.0.1", port=port)
            change.dirty("endpoints", service)
        return self._number(change.revision)

    def set_split(self, weights: dict[str, int], service: str = "shop/catalog") -> int:
        return self._number(split_set(actor=ACTOR, service=service, weights=weights).revision)

    def touch(self, *resources: tuple[str, str]) -> int:
        """A change that makes resources dirty without changing them."""
        with commit(actor=ACTOR, action="test.touch", obj="mesh") as change:
            for kind, name in resources:
                change.dirty(kind, name)
        return self._number(change.revision)

    def set_split_or_same(self, weights: dict[str, int]) -> None:
        """As ``set_split``, and no revision where it already is so."""
        split_set(actor=ACTOR, service="shop/catalog", weights=weights)

    def break_routes(self, routes: object = ({"name": "default", "weights": {"v9": 100}},)) -> int:
        """Store routes past all validation: by default, to a version that does not exist."""
        return self._store_routes(routes)

    def mend_routes(self) -> int:
        return self._store_routes(None)

    def _store_routes(self, routes: object) -> int:
        with commit(actor=ACTOR, action="routes.set", obj="service:shop/catalog") as change:
            service = self.service("shop/catalog")
            TrafficRules.objects.update_or_create(service=service, defaults={"routes": routes})
            change.dirty("service", "shop/catalog")
        return self._number(change.revision)

    @staticmethod
    def service(name: str) -> Service:
        namespace, _, short = name.partition("/")
        return Service.objects.get(namespace__name=namespace, name=short)

    @staticmethod
    def names() -> list[str]:
        return [str(service) for service in Service.objects.select_related("namespace").order_by("id")]

    @staticmethod
    def published() -> int:
        return last_published()

    @staticmethod
    def _number(revision: int | None) -> int:
        assert revision is not None
        return revision


def weights(resource: wire.Resource) -> dict[str, int]:
    """The split in a service resource."""
    assert isinstance(resource, wire.ServiceResource)
    return {entry.version: entry.weight for entry in resource.body.split}
