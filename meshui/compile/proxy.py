"""What proxies hold besides services: how they receive, whom they trust, whom they can call, where they listen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from meshui.compile.policies import policy_of
from meshui.compile.service import limits_of
from meshui.compile.tokens import provider_of
from meshui.mesh import values
from meshui.mesh.logging import AccessLog
from meshui.mesh.names import ServiceName
from meshui.mesh.policies import Access
from meshui.mesh.tracing import Tracing
from proxies.wire import resources as wire
from proxies.wire.logs import AccessLog as WireAccessLog


def inbound_body(service: values.Service, access: Access) -> wire.InboundBody:
    """How a service's own proxies receive: whom its policies let in, within the service's limits."""
    return msgspec.structs.replace(
        gateway_body(access),
        mtls=access.mtls,
        limits=limits_of(service.limits),
        idle_timeout_ms=service.resilience.idle_timeout_ms,
    )


def gateway_body(access: Access) -> wire.InboundBody:
    """How a gateway receives from strangers. Policies are in the order of their names, so that the same ones give the
    same bytes."""
    tokens = access.tokens
    return wire.InboundBody(
        default=access.default_action,
        policies=[
            policy_of(policy, tokens.providers) for policy in sorted(access.policies, key=lambda policy: policy.name)
        ],
        providers=[provider_of(each) for each in sorted(access.providers, key=lambda provider: provider.name)],
        token_required=sorted(set(tokens.providers)) if tokens.required else [],
    )


def trust_body(
    trust_domain: str,
    bundle: Sequence[str],
    denied: Sequence[str] = (),
    revoked: Sequence[str] = (),
    *,
    tracing: Tracing | None = None,
    logging: AccessLog | None = None,
) -> wire.TrustBody:
    """Whom proxies accept, but for the ``denied`` identities and the serials ``revoked``, all in the order of their
    content, so that the same ones give the same bytes; and how much all of them trace and log."""
    return wire.TrustBody(
        trust_domain=trust_domain,
        bundle=sorted(bundle),
        denied=sorted(denied),
        revoked=sorted(revoked),
        tracing=_tracing(tracing),
        access_log=_access_log(logging),
    )


def _tracing(tracing: Tracing | None) -> wire.Tracing | None:
    if tracing is None or not tracing.enabled:
        return None
    return wire.Tracing(percent=tracing.percent, errors=tracing.errors)


def _access_log(logging: AccessLog | None) -> WireAccessLog | None:
    if logging is None or logging.mode == "off":
        return None
    return WireAccessLog(percent=logging.percent, report=logging.collected)


def directory_body(names: Iterable[ServiceName]) -> wire.DirectoryBody:
    """Every service that can be called."""
    return wire.DirectoryBody(services=sorted(map(str, names)))


def proxy_body(proxy: values.Proxy) -> wire.ProxyBody:
    """One proxy alone. Who it is comes from its registration, never from the listeners that it asked for."""
    return wire.ProxyBody(
        service=str(proxy.service),
        version=proxy.version,
        identity=proxy.service.identity(proxy.trust_domain),
        listeners=[_listener(proxy, listener) for listener in proxy.listeners],
        locality=proxy.locality,
        renew=proxy.renew,
    )


def _listener(proxy: values.Proxy, listener: wire.Listener) -> wire.Listener:
    match listener:
        case wire.InboundListener():
            return msgspec.structs.replace(listener, service=str(proxy.service), protocol=proxy.protocol)
        case wire.GatewayListener():
            hosts = sorted(proxy.hosts, key=lambda host: host.host)
            return msgspec.structs.replace(
                listener, hosts=[wire.GatewayHost(host=h.host, service=str(h.service)) for h in hosts]
            )
        case _:
            return listener
