"""How a proxy comes into the mesh and keeps its identity.

The token says who the proxy is; of its certificate request only the key is taken. Its own resources may be published
a moment after it joined: it subscribes first and takes them when they come.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets

import msgspec
import redis
from cryptography import x509
from django.conf import settings
from django.db import transaction

from meshui.catalog.models import Proxy, Service
from meshui.catalog.selectors import find_workload
from meshui.catalog.services import join_token_check, join_token_consume, proxy_register
from meshui.core.actors import system
from meshui.core.errors import InvalidInput
from meshui.delivery import access
from meshui.security.errors import CertificateRefused
from meshui.security.pace import take_turn
from meshui.security.services import authority_ensure, sign_csr, trust_bundle
from meshui.security.verify import verify_renewal
from proxies.wire.join import JoinRequest, JoinResponse, RenewRequest, RenewResponse
from proxies.wire.reports import proxy_key
from proxies.wire.resources import GatewayListener, InboundListener, Listener, TcpListener

log = logging.getLogger(__name__)

JOINING = system("joining")
MAX_LISTENERS = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ADMIN = re.compile(r"([A-Za-z0-9.:\[\]-]{1,90}:[0-9]{1,5})?")
_VERSION = re.compile(r"[A-Za-z0-9.+_-]{0,32}")


def join(request: JoinRequest) -> JoinResponse:
    """Take a proxy into the mesh. A former one of the same name, or at the same address, is evicted.

    Raises NotAuthenticated (the token), InvalidInput, CertificateRefused, Throttled, AuthorityUnavailable; then the
    token keeps its use.
    """
    _check(request)
    authority_ensure()
    join_token_check(request.token)  # a stranger takes nobody's turn
    take_turn()
    password = secrets.token_urlsafe(32)
    digest = hashlib.sha256(password.encode()).hexdigest()
    with transaction.atomic():
        token = join_token_consume(request.token)
        name = token.service.full_name
        if request.service not in ("", str(name)):
            raise InvalidInput.field("service", "other_service", f"the token is for {name}")
        _check_listeners(request, token.service)
        registered = proxy_register(
            actor=JOINING,
            service=str(name),
            version=token.version.name,
            name=request.name,
            listeners=[_of(listener, str(name)) for listener in request.listeners],
            redis_password_sha256=digest,
            admin=request.admin,
            node=request.node,
            proxy_version=request.proxy_version,
            locality=request.locality,
            weight=request.weight,
        )
        proxy = registered.proxy
        identity = name.identity(settings.MESHUI.trust_domain)
        certificate = _sign(proxy, request.csr, identity)
        # From here on it is what the proxy reports: an answer to a renewal may be lost on its way.
        proxy.certificate_not_after = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
        proxy.save(update_fields=["certificate_not_after"])
    try:
        access.revoke(registered.replaced)
        access.grant(proxy.pk, str(name), digest)
    except redis.RedisError as error:
        log.warning("the reconciler makes the Redis user of %s: %s", proxy.pk, error)
    return JoinResponse(
        proxy_id=proxy.pk,
        service=str(name),
        version=token.version.name,
        identity=identity,
        certificate=certificate,
        bundle=trust_bundle(),
        redis_url=settings.MESHUI.proxy_redis_url,
        redis_username=proxy.pk,
        redis_password=password,
        report_key=proxy_key(settings.MESHUI.report_key, proxy.pk).hex(),
    )


def renew(request: RenewRequest) -> RenewResponse:
    """The next certificate, for whoever holds the key of the current one. Raises CertificateRefused, InvalidInput,
    Throttled, AuthorityUnavailable."""
    authority_ensure()
    leaf = verify_renewal(request)
    take_turn()
    with transaction.atomic():
        proxy = Proxy.objects.select_related("service__namespace").filter(pk=leaf.proxy_id).first()
        if proxy is None:
            raise CertificateRefused("the proxy was evicted; join again with a new token", code="proxy_evicted")
        identity = proxy.service.full_name.identity(settings.MESHUI.trust_domain)
        certificate = _sign(proxy, request.csr, identity)
    return RenewResponse(certificate=certificate, bundle=trust_bundle())


def _sign(proxy: Proxy, csr: str, identity: str) -> str:
    return sign_csr(
        csr_pem=csr,
        identity=identity,
        dns_names=[proxy.service.full_name.host],
        proxy_id=proxy.pk,
        actor=system(f"proxy:{proxy.pk}"),
    )


def _check(request: JoinRequest) -> None:
    for field, pattern in (("name", _NAME), ("admin", _ADMIN), ("proxy_version", _VERSION)):
        if not pattern.fullmatch(getattr(request, field)):
            raise InvalidInput.field(field, "invalid", f"expected {pattern.pattern}")
    if not 1 <= len(request.listeners) <= MAX_LISTENERS:
        raise InvalidInput.field("listeners", "range", f"expected 1 to {MAX_LISTENERS} listeners")


def _of(listener: Listener, service: str) -> Listener:
    """The listener, receiving for the token's service: a proxy learns which one that is only from our answer."""
    if isinstance(listener, InboundListener):
        return msgspec.structs.replace(listener, service=service)
    return listener


def _check_listeners(request: JoinRequest, service: Service) -> None:
    """A gateway takes requests from outside and a sidecar for its service; neither does the other's work. What an app
    calls over TCP may not be registered yet, but is no service of another kind."""
    foreign = (InboundListener, TcpListener) if service.kind == Service.Kind.GATEWAY else (GatewayListener,)
    if request.node and service.kind == Service.Kind.GATEWAY:
        raise InvalidInput.field("node", "invalid", "a gateway is a process of its own")
    for index, listener in enumerate(request.listeners):
        if isinstance(listener, foreign):
            raise InvalidInput.field(f"listeners.{index}.kind", "invalid", f"{service} is a {service.kind} service")
        if isinstance(listener, TcpListener):
            called = find_workload(listener.service)
            if called is not None and called.kind != Service.Kind.TCP:
                raise InvalidInput.field(
                    f"listeners.{index}.service", "no_tcp_service", f"{called} speaks no plain tcp"
                )
