"""What the demo decides for its processes: ports, secrets, addresses, as the environment they are started with.

Reads ``os.environ`` before any settings exist; a bad value is said with the variable's name.
"""

from __future__ import annotations

import base64
import json
import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshui.config.datadir import DataDir, is_free, write_private

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = frozenset({"DATABASE_URL", "REDIS_URL"})


class DemoError(Exception):
    """The demo cannot go on: ``what`` failed, ``mend`` says what to do, ``log`` is where to read more."""

    def __init__(self, what: str, mend: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.log = log


@dataclass(frozen=True)
class Options:
    """What the visitor chose. ``database_url`` and ``redis_url`` of None mean the embedded servers."""

    data: DataDir
    port: int
    gateway_port: int
    rps: float
    admin_password: str | None
    database_url: str | None
    redis_url: str | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def read(env: Mapping[str, str]) -> Options:
    """Raises DemoError for a value that is none."""
    return Options(
        data=DataDir(Path(env.get("MESHUI_DATA_DIR") or ROOT / ".data")),
        port=_port(env, "MESHUI_PORT", 8000),
        gateway_port=_port(env, "MESHUI_GATEWAY_PORT", 8080),
        rps=_rate(env, "DEMO_RPS", 50),
        admin_password=env.get("MESHUI_ADMIN_PASSWORD") or None,
        database_url=env.get("DATABASE_URL") or None,
        redis_url=env.get("REDIS_URL") or None,
    )


def check_ports(port: int, gateway_port: int | None = None) -> None:
    """Raises DemoError naming the variable, when another program has a port that we are to serve on."""
    if port == gateway_port:
        raise DemoError(f"MESHUI_PORT and MESHUI_GATEWAY_PORT are both {port}", "Set one of them to another port.")
    for name, wanted in (("MESHUI_PORT", port), ("MESHUI_GATEWAY_PORT", gateway_port)):
        if wanted is not None and not is_free(wanted):
            raise DemoError(
                f"port {wanted} is taken by another program",
                f"Stop it, or choose another port with {name}.",
            )


def require(*names: str) -> None:
    """Raises DemoError for the variables that are not set."""
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise DemoError(
            f"not set: {', '.join(missing)}",
            "Set them; a key is 32 random bytes in base64, from `openssl rand -base64 32`. `make demo` needs none.",
        )


def control_plane(options: Options, database_url: str, redis_url: str) -> dict[str, str]:
    """The environment of the control plane's processes. Secrets are made once and kept in the data folder."""
    data = options.data
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,  # thirty processes start faster when the first one's bytecode is kept
        "MESHUI_ENV": "demo",
        "MESHUI_DATA_DIR": str(data.path),
        "MESHUI_PORT": str(options.port),
        "MESHUI_GATEWAY_PORT": str(options.gateway_port),
        "MESHUI_ADMIN_PASSWORD": admin_password(options),
        "MESHUI_SECRET_KEY": data.secret("django", lambda: secrets.token_urlsafe(48)),
        "MESHUI_CA_KEY": data.secret("authority", _key),
        "MESHUI_REPORT_KEY": data.secret("reports", _key),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PYTHONUNBUFFERED": "1",
    }


def remember(options: Options, env: Mapping[str, str]) -> None:
    """Keep what the settings need, so that ``manage.py`` reaches the demo from another shell."""
    kept = {name: value for name, value in env.items() if name in SETTINGS or name.startswith("MESHUI_")}
    write_private(_remembered(options.data.path), json.dumps(kept, indent=1))


def recall(env: Mapping[str, str]) -> dict[str, str]:
    """What the demo of the data folder that ``env`` names was last started with; nothing where it never was."""
    file = _remembered(Path(env.get("MESHUI_DATA_DIR") or ROOT / ".data"))
    try:
        kept: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return kept


def _remembered(folder: Path) -> Path:
    return folder.absolute() / "environment.json"


def admin_password(options: Options) -> str:
    return options.admin_password or options.data.secret("admin", lambda: secrets.token_urlsafe(12))


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise DemoError(f"{name} is {text!r}", "Set it to a port number, 1 to 65535.")
    return int(text)


def _rate(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 10_000:
        raise DemoError(f"{name} is {text!r}", "Set it to requests a second, 0 (none) to 10000.")
    return rate
