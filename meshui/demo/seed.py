"""Registers the demo mesh: what is missing is made, what a visitor changed since is left alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from meshui.accounts.authentication import digest
from meshui.accounts.models import ApiToken, RoleGrant, User
from meshui.accounts.services.tokens import MAX_EXPIRES_S, token_create
from meshui.catalog import services as catalog
from meshui.catalog.models import Namespace, Proxy, Service
from meshui.config.datadir import write_private
from meshui.core.actors import system
from meshui.demo import monitoring, topology
from meshui.demo.processes import state_dir, token_file
from meshui.rollouts.plan import Metric
from meshui.rollouts.services.templates import template_create, templates
from meshui.traffic import services as traffic

ACTOR = system("demo")
TOKEN_TTL_S = 3600
CERTIFICATE_LEFT = timedelta(minutes=2)
TOKEN_USES = 3
"""More than one, for a proxy that dies between joining and keeping what it got."""
ADMIN = "admin"
TEMPLATE = "web"
GATEWAY_ID = f"{topology.GATEWAY_NAMESPACE}/{topology.GATEWAY_NAME}"

Ports = Mapping[str, int]
"""The ports of one proxy: ``inbound, app, outbound, admin, dns``, or ``gateway, admin``."""


def seed(data_dir: Path, ports: Mapping[str, Ports], password: str, redis_url: str) -> None:
    """Make the admin, the registry, an analysis template, and a join token for each proxy that has to join.

    ``ports`` is by proxy name; ``redis_url`` is where proxies reach Redis, which they remember from joining.
    """
    _admin(password)
    _let_monitor(data_dir)
    _forget_states_of_another_redis(data_dir, redis_url)
    for name, description in topology.NAMESPACES.items():
        if not Namespace.objects.filter(name=name).exists():
            catalog.namespace_create(actor=ACTOR, name=name, description=description)
    for service in topology.SERVICES:
        if not _exists(service.namespace, service.name):
            catalog.service_create(actor=ACTOR, service=service.id, versions=service.versions)
    if not _exists(topology.GATEWAY_NAMESPACE, topology.GATEWAY_NAME):
        traffic.gateway_put(actor=ACTOR, gateway=GATEWAY_ID, hosts=[traffic.HostRule("*", topology.ENTRY)])
    if not templates().filter(name=TEMPLATE).exists():
        template_create(
            actor=ACTOR,
            name=TEMPLATE,
            description="For what people wait for: errors, and requests slower than the objective",
            metrics=[Metric(name="errors"), Metric(name="latency")],
        )
    for each in topology.instances():
        _let_join(data_dir, each.name, each.service.id, each.version, ports[each.name])
    _let_join(data_dir, topology.GATEWAY_NAME, GATEWAY_ID, "v1", ports[topology.GATEWAY_NAME])


def _admin(password: str) -> None:
    user = User.objects.filter(username=ADMIN).first() or User(username=ADMIN, is_superuser=True, is_staff=True)
    if not user.check_password(password):
        user.set_password(password)
        user.save()


def _let_monitor(data_dir: Path) -> None:
    """A token for Prometheus, where one is run and has none that still holds."""
    file = monitoring.token_file(data_dir)
    soon = timezone.now() + timedelta(days=30)
    if not file.parent.exists():
        return
    if file.exists() and ApiToken.objects.filter(digest=digest(file.read_text()), expires_at__gt=soon).exists():
        return
    user, new = User.objects.get_or_create(username=monitoring.USER)
    if new:
        user.set_unusable_password()
        user.save()
        RoleGrant.objects.create(user=user, role=RoleGrant.Role.VIEWER)
    _, token = token_create(actor=ACTOR, user=user, name="scrapes", expires_in=MAX_EXPIRES_S)
    write_private(file, token)


def _exists(namespace: str, name: str) -> bool:
    return Service.objects.filter(namespace__name=namespace, name=name).exists()


def _forget_states_of_another_redis(data_dir: Path, redis_url: str) -> None:
    states = state_dir(data_dir, "")
    states.mkdir(mode=0o700, parents=True, exist_ok=True)
    noted = states / "redis_url"
    if noted.exists() and noted.read_text() != redis_url:
        shutil.rmtree(states)
        states.mkdir(mode=0o700)
    noted.write_text(redis_url)


def _let_join(data_dir: Path, name: str, service: str, version: str, ports: Ports) -> None:
    """A proxy that is known and listens where it did comes up from its own state; any other joins, with a token."""
    state, token = state_dir(data_dir, name), token_file(data_dir, name)
    namespace, _, service_name = service.partition("/")
    proxy = Proxy.objects.filter(name=name, service__namespace__name=namespace, service__name=service_name).first()
    if proxy is not None and _is_of_use(state, proxy) and _listens_at(proxy, ports):
        token.unlink(missing_ok=True)
        return
    if state.exists():
        shutil.rmtree(state)
    token.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _, secret = catalog.join_token_create(
        actor=ACTOR, service=service, version=version, uses=TOKEN_USES, ttl_s=TOKEN_TTL_S, reason="demo"
    )
    write_private(token, secret)


def _is_of_use(state: Path, proxy: Proxy) -> bool:
    """Whether a proxy can come up from its state: it kept its identity, and the certificate can still be renewed."""
    soon = timezone.now() + CERTIFICATE_LEFT
    ends = proxy.certificate_not_after
    return (state / "identity.msgpack").exists() and ends is not None and ends > soon


def _listens_at(proxy: Proxy, ports: Ports) -> bool:
    known = {listener["kind"]: listener["port"] for listener in proxy.listeners}
    if inbound := proxy.listener("inbound"):
        known["app"] = inbound["app_port"]
    known["admin"] = int(proxy.admin.rpartition(":")[2] or 0)
    # Where it answers names is nobody's business but its app's.
    return known == {use: port for use, port in ports.items() if use != "dns"}
