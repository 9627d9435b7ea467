"""From mesh values to resources that may be published, and the reasons why some may not. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from msgspec.structs import replace

from meshui.compile.check import check
from meshui.compile.proxy import directory_body, gateway_body, inbound_body, proxy_body, trust_body
from meshui.compile.service import endpoints_body, service_body
from meshui.delivery.load import Key, Loaded
from meshui.mesh.invariants import Invalid
from proxies.wire import resources as wire


@dataclass(frozen=True, slots=True)
class Built:
    """What became of each dirty resource: good, gone from the mesh, or at fault with the reason."""

    good: dict[Key, wire.Resource] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)
    faults: dict[Key, str] = field(default_factory=dict)


def build(loaded: Loaded, dirty: Collection[Key]) -> Built:
    """Compile and check each dirty resource by itself, so that one at fault does not hold up the others."""
    built = Built(faults={key: fault for key, fault in loaded.faults.items() if key in dirty})
    names = frozenset(map(str, loaded.names))
    for key in sorted(set(dirty) - built.faults.keys()):
        try:
            resource = _compile(loaded, key)
            if resource is None:
                built.gone.add(key)
                continue
            check([resource], names)
            resource = replace(resource, requires=wire.required_schema(resource.body))
            # What our own decoder refuses, a proxy would refuse.
            built.good[key] = wire.decode(wire.encode(resource))
        except (Invalid, wire.ResourceError) as error:
            built.faults[key] = f"{wire.resource_key(*key)}: {error}"
    return built


def _compile(loaded: Loaded, key: Key) -> wire.Resource | None:
    kind, name = key
    service = loaded.services.get(name)
    access = loaded.access.get(name)
    proxy = loaded.proxies.get(name)
    match kind:
        case "trust":
            return wire.TrustResource(
                body=trust_body(
                    loaded.trust_domain,
                    loaded.bundle,
                    loaded.denied,
                    loaded.revoked,
                    tracing=loaded.tracing,
                    logging=loaded.logging,
                )
            )
        case "directory":
            return wire.DirectoryResource(body=directory_body(loaded.names))
        case "service" if service:
            return wire.ServiceResource(name=name, body=service_body(service))
        case "endpoints" if service:
            return wire.EndpointsResource(name=name, body=endpoints_body(service))
        case "inbound" if access and service:
            return wire.InboundResource(name=name, body=inbound_body(service, access))
        case "inbound" if access:
            return wire.InboundResource(name=name, body=gateway_body(access))
        case "proxy" if proxy:
            return wire.ProxyResource(name=name, body=proxy_body(proxy))
        case _:
            return None
