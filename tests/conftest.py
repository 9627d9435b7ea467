"""What every test session has: real servers, started when a test first needs them."""

from __future__ import annotations

import os
import signal

import django
import pytest

from tests.support.servers import TestServers

# Here and not in a hook: the conftests below, which are read next, import models.
SERVERS = TestServers()
SERVERS.export()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshui.config.settings")
django.setup()


def pytest_configure() -> None:
    # SIGTERM ends a session as Ctrl-C does: fixtures are torn down, and the servers with them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


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
