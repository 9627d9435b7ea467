"""What every test session has: real servers, started when a test first needs them."""

from __future__ import annotations

import os
import signal

import django
import pytest

from tests.support.servers import TestServers

SERVERS = TestServers()


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Before pytest-django sets Django up: its settings read the servers' addresses from the environment."""
    # SIGTERM ends a session as Ctrl-C does: fixtures are torn down, and the servers with them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    SERVERS.export()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshui.config.settings")
    # pytest-django sets Django up only where the variable was there before it looked.
    django.setup()


def pytest_unconfigure() -> None:
    SERVERS.stop()


@pytest.fixture(scope="session")
def servers() -> TestServers:
    """PostgreSQL at DATABASE_URL and Valkey at REDIS_URL, running."""
    SERVERS.start()
    return SERVERS


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: TestServers) -> None:
    """pytest-django's hook before it makes the test database: it, and so every ``django_db`` test, has both servers."""
