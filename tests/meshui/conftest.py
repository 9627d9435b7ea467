"""A small mesh and the people who look at it."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from meshui.catalog.models import Service
from meshui.catalog.services import namespace_create, service_create
from meshui.core.actors import Actor, system
from tests.support.api import Api, make_user
from tests.support.servers import TestServers

SETUP = system("test")


@pytest.fixture
def clean_cache(servers: TestServers) -> None:
    cache.clear()


@pytest.fixture
def catalog(db: None, clean_cache: None) -> Service:
    """``shop/catalog`` with v1 at 100 and v2 at 0, and ``bank/ledger`` beside it."""
    for namespace in ("shop", "bank"):
        namespace_create(actor=SETUP, name=namespace)
    service_create(actor=SETUP, service="bank/ledger")
    return service_create(actor=SETUP, service="shop/catalog", versions=["v1", "v2"]).value


@pytest.fixture
def root() -> Actor:
    """The system: may everything."""
    return SETUP


@pytest.fixture
def admin(catalog: Service) -> Api:
    return Api(make_user("root", superuser=True))


@pytest.fixture
def operator(catalog: Service) -> Api:
    """May change traffic in ``shop``, and sees nothing else."""
    return Api(make_user("olga", ("operator", "shop")))


@pytest.fixture
def viewer(catalog: Service) -> Api:
    """Sees the whole mesh."""
    return Api(make_user("vera", ("viewer", "")))


@pytest.fixture
def outsider(catalog: Service) -> Api:
    """Administers ``bank``, and sees nothing else."""
    return Api(make_user("otto", ("admin", "bank")))


@pytest.fixture
def anonymous(catalog: Service) -> Api:
    return Api()
