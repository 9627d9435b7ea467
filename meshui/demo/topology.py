"""The demo mesh as data: which services there are, in which versions, and who calls whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One request that a service makes while it answers one."""

    service: str
    method: str = "GET"
    path: str = "/"

    @property
    def host(self) -> str:
        """The name by which the caller's sidecar knows the service."""
        namespace, _, name = self.service.partition("/")
        return f"{name}.{namespace}.mesh"


@dataclass(frozen=True)
class Service:
    """``calls`` are made for every request, in parallel; ``checkout`` instead of them for ``POST /checkout``."""

    namespace: str
    name: str
    versions: tuple[str, ...] = ("v1",)
    calls: tuple[Call, ...] = ()
    checkout: tuple[Call, ...] | None = None

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}"

    def calls_for(self, method: str, path: str) -> tuple[Call, ...]:
        if self.checkout is not None and method == "POST" and path == "/checkout":
            return self.checkout
        return self.calls


@dataclass(frozen=True)
class Instance:
    """One process of a version of a service, with a sidecar of its own."""

    service: Service
    version: str

    @property
    def name(self) -> str:
        return f"{self.service.name}-{self.version}"


SERVICES = (
    Service(
        "shop",
        "frontend",
        calls=(Call("shop/catalog"), Call("shop/cart"), Call("shop/recommendations")),
        checkout=(Call("shop/checkout", "POST", "/checkout"),),
    ),
    Service("shop", "catalog", ("v1", "v2"), calls=(Call("platform/inventory"),)),
    Service("shop", "cart", calls=(Call("platform/users"),)),
    Service(
        "shop",
        "checkout",
        calls=(Call("shop/cart"), Call("shop/payments", "POST", "/charge"), Call("platform/users")),
    ),
    Service("shop", "payments", ("v1", "v2")),
    Service("shop", "recommendations", calls=(Call("shop/catalog"),)),
    Service("platform", "users"),
    Service("platform", "inventory"),
)

NAMESPACES = {
    "shop": "The demo shop",
    "platform": "What every product of the demo builds on",
}
GATEWAY_NAMESPACE, GATEWAY_NAME = "platform", "gateway"
ENTRY = "shop/frontend"
"""The service that the gateway sends every host to."""


def service(service_id: str) -> Service:
    """Raises KeyError for a service that the demo does not have."""
    return _BY_ID[service_id]


def instances() -> Iterator[Instance]:
    for each in SERVICES:
        for version in each.versions:
            yield Instance(each, version)


_BY_ID = {each.id: each for each in SERVICES}
