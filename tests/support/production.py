"""A control plane's web process as a deployment runs it: in production mode, against the session's own servers."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from meshui.config.environment import with_database
from tests.conformance.harness import free_port
from tests.support.poll import until

ROOT = Path(__file__).resolve().parents[2]


def production(**changes: str) -> dict[str, str]:
    """The environment of a good deployment, with ``changes``; an empty value takes a variable away."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MESHUI_")}
    made = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in SECRETS}
    names = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": os.environ["REDIS_URL"]}
    whole = inherited | made | names | {"DJANGO_SETTINGS_MODULE": "meshui.config.settings"} | changes
    return {name: value for name, value in whole.items() if value}


SECRETS = ("MESHUI_SECRET_KEY", "MESHUI_CA_KEY", "MESHUI_REPORT_KEY")


class Web:
    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@contextmanager
def web(folder: Path, **changes: str) -> Iterator[Web]:
    """uvicorn with the application on the test database, until the end of the block."""
    name = settings.DATABASES["default"]["NAME"]  # the test database, once pytest-django has made it
    base, _, _ = os.environ["DATABASE_URL"].partition("?")
    address = f"{base.rpartition('/')[0]}/{name}"
    environment = production(DATABASE_URL=address, REDIS_URL=with_database(os.environ["REDIS_URL"], 0), **changes)
    port, log = free_port(), folder / "web.log"
    command = [sys.executable, "-m", "uvicorn", "meshui.config.asgi:application", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            made = Web(port, log)

            def healthy() -> bool:
                assert process.poll() is None, made.log()
                with suppress(OSError):
                    return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200)
                return False

            until(healthy, "the web process answers", timeout_s=90)
            yield made
        finally:
            process.terminate()
            process.wait(30)
