"""The whole control plane as processes, for benchmarks: servers, uvicorn, Celery, the collector, and its REST API."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.support import Process, wait_for_port
from meshui.config import embedded
from meshui.config.datadir import DataDir

DEADLINE_S = 60.0
PASSWORD = "benchmark"


@contextlib.contextmanager
def control_plane(data: DataDir, **more: str) -> Iterator[tuple[Api, str]]:
    """The servers and processes of the control plane; its API and where Redis is. ``more`` is for its environment."""
    servers = [embedded.postgres(data), embedded.valkey(data)]
    port = data.ports(["web"])["web"]
    os.environ |= {
        "DATABASE_URL": servers[0].url,
        "REDIS_URL": servers[1].url,
        "MESHUI_ENV": "demo",
        "MESHUI_PORT": str(port),
        "MESHUI_DATA_DIR": str(data.path),
        "DJANGO_SETTINGS_MODULE": "meshui.config.settings",
        **{
            name: base64.b64encode(secrets.token_bytes(32)).decode()
            for name in ("MESHUI_SECRET_KEY", "MESHUI_CA_KEY", "MESHUI_REPORT_KEY")
        },
        **more,
    }
    celery = [sys.executable, "-m", "celery", "--app", "meshui.config", "--quiet"]
    web = ["-m", "uvicorn", "meshui.config.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    commands = (
        [sys.executable, *web, "--loop", "uvloop", "--http", "httptools", "--no-access-log"],
        [*celery, "worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "WARNING", "--without-gossip",
         "--without-mingle", "--without-heartbeat"],
        [*celery, "beat", "--schedule", str(data.path / "beat"), "--pidfile="],
        [sys.executable, "manage.py", "collector"],
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        for server in servers:
            server.prepare()
            stack.enter_context(Process(server.command))
            wait(server.ready, server.name)
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True)
        subprocess.run(
            [*manage, "createsuperuser", "--noinput", "--username", "bench", "--email", "bench@example.org"],
            env={**os.environ, "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for command in commands:
            stack.enter_context(Process(command))
        wait_for_port(port)
        yield _sign_in(f"http://127.0.0.1:{port}/api/v1/"), servers[1].url


class Api:
    """JSON by HTTP, a connection for each request: the server closes idle ones."""

    def __init__(self, base: str, token: str = "") -> None:
        self.base = base
        parts = urlsplit(base)
        self._address, self._path = parts.netloc, parts.path
        self._headers = {"Content-Type": "application/json", "If-Match": "*"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection(self._address, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, self._path + path, json.dumps(body) if body is not None else None, self._headers)
            response = connection.getresponse()
            text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:500]!r}")
        return json.loads(text) if text else None


def _sign_in(base: str) -> Api:
    login = {"username": "bench", "password": PASSWORD, "name": "bench", "expires_in": 86_400}
    return Api(base, Api(base)("POST", "auth/token/", login)["token"])


def make_csr(key: ec.EllipticCurvePrivateKey | None = None) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not ready after {DEADLINE_S:g} s")
        time.sleep(0.05)
