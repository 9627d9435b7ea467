"""Seeding the demo: everything the first time, nothing that a visitor changed the next time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from meshui.accounts.models import User
from meshui.catalog.models import JoinToken, Proxy, Service
from meshui.catalog.services import proxy_register
from meshui.core.actors import system
from meshui.demo import environment, processes, topology
from meshui.demo.processes import state_dir, token_file
from meshui.demo.seed import seed
from meshui.rollouts.models import AnalysisTemplate
from meshui.traffic.selectors import split_of
from meshui.traffic.services import split_set
from proxies.wire.resources import InboundListener, OutboundListener

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"
REDIS = "redis://127.0.0.1:6379/0"


class Seeded:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = processes.mesh_ports(environment.read({"MESHUI_DATA_DIR": str(folder)}))

    def again(self, password: str = PASSWORD, redis: str = REDIS) -> None:
        seed(self.folder, self.ports, password, redis)

    def token(self, name: str) -> str | None:
        file = token_file(self.folder, name)
        return file.read_text() if file.exists() else None

    def join(self, name: str, service: str) -> None:
        """As the proxy would: it is registered, and keeps its state."""
        port = self.ports[name]
        proxy_register(
            actor=system("test"), service=service, version="v1", name=name, redis_password_sha256="0" * 64,
            admin=f"127.0.0.1:{port['admin']}",
            listeners=[
                InboundListener(address="127.0.0.1", port=port["inbound"], service=service, app_port=port["app"]),
                OutboundListener(port=port["outbound"]),
            ],
        )  # fmt: skip
        Proxy.objects.filter(name=name).update(certificate_not_after=timezone.now() + timedelta(hours=24))
        state = state_dir(self.folder, name)
        state.mkdir(parents=True)
        (state / "identity.msgpack").touch()


@pytest.fixture
def seeded(tmp_path: Path) -> Seeded:
    made = Seeded(tmp_path)
    made.again()
    return made


def test_the_first_time_everything_is_made(seeded: Seeded) -> None:
    names = {str(service) for service in Service.objects.select_related("namespace")}
    assert names == {service.id for service in topology.SERVICES} | {"platform/gateway"}
    for name in ("shop/catalog", "shop/payments"):
        assert split_of(Service.objects.get(name=name.partition("/")[2])) == {"v1": 100, "v2": 0}
    assert Service.objects.get(name="gateway").hosts.get().service == Service.objects.get(name="frontend")
    user = User.objects.get(username="admin")
    assert user.is_superuser
    assert user.check_password(PASSWORD)
    assert all(seeded.token(name) for name in seeded.ports)
    assert JoinToken.objects.count() == 11
    assert [metric["name"] for metric in AnalysisTemplate.objects.get().metrics] == ["errors", "latency"]


def test_a_visitors_changes_stay(seeded: Seeded) -> None:
    split_set(actor=system("test"), service="shop/catalog", weights={"v1": 20, "v2": 80})
    seeded.again()
    assert split_of(Service.objects.get(name="catalog")) == {"v1": 20, "v2": 80}


def test_the_password_follows_the_environment(seeded: Seeded) -> None:
    seeded.again("another long password")
    assert User.objects.get(username="admin").check_password("another long password")


def test_a_proxy_that_joined_needs_no_token_again(seeded: Seeded) -> None:
    seeded.join("cart-v1", "shop/cart")
    seeded.again()
    assert seeded.token("cart-v1") is None
    assert seeded.token("catalog-v1") is not None


def test_a_proxy_that_kept_no_identity_or_whose_certificate_ended_joins_anew(seeded: Seeded) -> None:
    seeded.join("cart-v1", "shop/cart")
    seeded.join("users-v1", "platform/users")
    (state_dir(seeded.folder, "cart-v1") / "identity.msgpack").unlink()
    Proxy.objects.filter(name="users-v1").update(certificate_not_after=timezone.now())
    seeded.again()
    assert seeded.token("cart-v1") is not None
    assert seeded.token("users-v1") is not None


@pytest.mark.parametrize("port", ["inbound", "outbound", "app", "admin"])
def test_a_proxy_whose_port_was_taken_joins_anew(seeded: Seeded, port: str) -> None:
    seeded.join("cart-v1", "shop/cart")
    seeded.ports["cart-v1"][port] += 1
    seeded.again()
    assert seeded.token("cart-v1") is not None
    assert not state_dir(seeded.folder, "cart-v1").exists()


def test_a_proxy_that_was_evicted_or_remembers_another_redis_joins_anew(seeded: Seeded) -> None:
    seeded.join("cart-v1", "shop/cart")
    seeded.join("users-v1", "platform/users")
    Proxy.objects.get(name="cart-v1").delete()
    seeded.again()
    assert seeded.token("cart-v1") is not None
    assert seeded.token("users-v1") is None
    seeded.again(redis="redis://127.0.0.1:6380/0")
    assert seeded.token("users-v1") is not None
