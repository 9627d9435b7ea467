"""The environment, read once into a frozen object. Nothing else reads ``os.environ``."""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

from meshui.accounts import provider
from meshui.accounts.provider import SingleSignOn

ROOT = Path(__file__).resolve().parents[2]
SMTP_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
"""With their ports."""
SECRET_CHARS = 32
DIFFERENT = 8
"""Random secrets have many more different characters; placeholders, such as zeros, fewer."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a deployment decides. Secrets have no defaults: without one, the process refuses to start."""

    mode: Literal["production", "demo"]
    secret_key: str
    ca_key: bytes
    """32 bytes that encrypt the authority's private keys at rest."""
    report_key: bytes
    """32 bytes from which every proxy's report signing key is derived."""
    database_url: str
    redis_url: str
    data_dir: Path
    port: int
    gateway_port: int
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    https: bool
    """Whether browsers reach the dashboard over HTTPS (secure cookies, HSTS)."""
    trust_domain: str
    leaf_ttl_s: int
    """Lifetime of the certificates that proxies carry, in seconds."""
    ca_signer: tuple[str, ...]
    """The program, with its arguments, that signs with a key of the authority that is kept elsewhere; empty: none."""
    csr_rate: int
    """Certificates signed for proxies in a second, by all processes together."""
    proxy_redis_url: str
    """Where proxies reach Redis, without credentials."""
    rollup_retention_days: int
    """How long ten-second rollups are kept."""
    rollup_5min_days: int
    """How long five-minute rollups are kept."""
    rollup_hour_days: int
    """How long hourly rollups are kept."""
    alert_days: int
    """How long resolved alerts, past silences and notices are kept."""
    trace_hours: int
    """How long spans are kept."""
    trace_spans: int
    """How many spans are kept at most; the oldest go first."""
    log_hours: int
    """How long lines of the access log are kept."""
    log_lines: int
    """How many of them are kept at most; the oldest go first."""
    single_sign_on: SingleSignOn | None
    """The OpenID Connect provider that people may sign in with; None: there is none."""
    prometheus_url: str
    """Where custom metrics of rollouts are asked for, without a slash at the end; empty: there are none."""
    public_url: str
    """Where people reach the dashboard, without a slash at the end: what notifications link to."""
    outgoing_allow: tuple[str, ...]
    """Hosts, addresses and networks that webhooks may reach although they are not public."""
    smtp_url: str
    """``smtp://user:password@host:25``, ``smtp+starttls://`` or ``smtps://``; empty: no e-mail is sent."""
    email_from: str
    """The sender of e-mail."""

    snapshot_at: float | None = None
    """When the snapshot was taken that this control plane shows, Unix seconds; None: it is no snapshot's."""
    snapshot_since: float = 0.0
    """Where the recorded past in it begins."""

    @property
    def demo(self) -> bool:
        return self.mode == "demo"

    @property
    def broker_url(self) -> str:
        """Celery's own database on the same server, which no proxy's user can name a key of."""
        return with_database(self.redis_url, 1)


def read(env: Mapping[str, str]) -> Environment:
    """Parse the environment. Raises ImproperlyConfigured naming the variable."""
    mode = env.get("MESHUI_ENV", "production")
    if mode not in ("production", "demo"):
        raise ImproperlyConfigured(f"MESHUI_ENV is {mode!r}, expected 'production' or 'demo'")
    redis_url = _required(env, "REDIS_URL")
    return Environment(
        mode="demo" if mode == "demo" else "production",
        secret_key=_secret(env, "MESHUI_SECRET_KEY", demo=mode == "demo"),
        ca_key=_key(env, "MESHUI_CA_KEY", demo=mode == "demo"),
        report_key=_key(env, "MESHUI_REPORT_KEY", demo=mode == "demo"),
        database_url=_required(env, "DATABASE_URL"),
        redis_url=redis_url,
        data_dir=Path(env.get("MESHUI_DATA_DIR", ROOT / ".data")).resolve(),
        port=_port(env, "MESHUI_PORT", 8000),
        gateway_port=_port(env, "MESHUI_GATEWAY_PORT", 8080),
        allowed_hosts=_list(env, "MESHUI_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]"),
        trusted_origins=_list(env, "MESHUI_TRUSTED_ORIGINS", ""),
        https=env.get("MESHUI_HTTPS", "0") == "1",
        trust_domain=env.get("MESHUI_TRUST_DOMAIN", "mesh.local"),
        leaf_ttl_s=_leaf_ttl(env),
        ca_signer=_command(env, "MESHUI_CA_SIGNER"),
        csr_rate=_csr_rate(env),
        proxy_redis_url=without_credentials(env.get("MESHUI_PROXY_REDIS_URL", redis_url)),
        rollup_retention_days=_days(env, "MESHUI_ROLLUP_RETENTION", 7),
        rollup_5min_days=_days(env, "MESHUI_ROLLUP_5MIN_RETENTION", 35),
        rollup_hour_days=_days(env, "MESHUI_ROLLUP_HOUR_RETENTION", 400),
        alert_days=_days(env, "MESHUI_ALERT_RETENTION", 90),
        trace_hours=_number(env, "MESHUI_TRACE_HOURS", 24, 24 * 366),
        trace_spans=_number(env, "MESHUI_TRACE_SPANS", 1_000_000, 1_000_000_000),
        log_hours=_number(env, "MESHUI_LOG_HOURS", 24, 24 * 366),
        log_lines=_number(env, "MESHUI_LOG_LINES", 500_000, 1_000_000_000),
        single_sign_on=provider.read(env, demo=mode == "demo"),
        prometheus_url=_prometheus_url(env),
        public_url=_public_url(env),
        outgoing_allow=_list(env, "MESHUI_OUTGOING_ALLOW", ""),
        smtp_url=_smtp_url(env),
        email_from=env.get("MESHUI_EMAIL_FROM", "meshui@localhost"),
        snapshot_at=float(env["MESHUI_SNAPSHOT_AT"]) if "MESHUI_SNAPSHOT_AT" in env else None,
        snapshot_since=float(env.get("MESHUI_SNAPSHOT_SINCE", "0")),
    )


def with_database(url: str, number: int) -> str:
    """The same Redis server, another database (a ``unix://`` URL carries it in its query)."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return urlunsplit(parts._replace(query=f"db={number}"))
    return urlunsplit(parts._replace(path=f"/{number}"))


def without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; `make demo` makes one, elsewhere you do")
    return value


def _secret(env: Mapping[str, str], name: str, *, demo: bool) -> str:
    value = _required(env, name)
    if not demo and (len(value) < SECRET_CHARS or len(set(value)) < DIFFERENT):
        raise ImproperlyConfigured(f"{name} can be guessed, expected {SECRET_CHARS} random characters or more")
    return value


def _key(env: Mapping[str, str], name: str, *, demo: bool) -> bytes:
    try:
        key = base64.b64decode(_required(env, name), validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"{name} is not base64: {error}") from error
    if len(key) != 32:
        raise ImproperlyConfigured(f"{name} holds {len(key)} bytes, expected 32")
    if not demo and len(set(key)) < DIFFERENT:
        raise ImproperlyConfigured(f"{name} can be guessed, expected 32 random bytes")
    return key


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ImproperlyConfigured(f"{name} is {text!r}, expected a port number")
    return int(text)


def _leaf_ttl(env: Mapping[str, str]) -> int:
    text = env.get("MESHUI_LEAF_TTL") or "86400"
    if not text.isdigit() or not 10 <= int(text) <= 30 * 86_400:
        raise ImproperlyConfigured(f"MESHUI_LEAF_TTL is {text!r}, expected seconds from 10 to 30 days")
    return int(text)


def _command(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(env.get(name, "")))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is no command line: {error}") from error


def _csr_rate(env: Mapping[str, str]) -> int:
    text = env.get("MESHUI_CSR_RATE") or "100"
    if not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise ImproperlyConfigured(f"MESHUI_CSR_RATE is {text!r}, expected certificates a second, 1 to 10000")
    return int(text)


def _days(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) <= 3650:
        raise ImproperlyConfigured(f"{name} is {text!r}, expected a number of days")
    return int(text)


def _number(env: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) <= most:
        raise ImproperlyConfigured(f"{name} is {text!r}, expected a number from 1 to {most}")
    return int(text)


def _prometheus_url(env: Mapping[str, str]) -> str:
    text = env.get("MESHUI_PROMETHEUS_URL", "")
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ImproperlyConfigured(f"MESHUI_PROMETHEUS_URL is {text!r}, expected such as http://prometheus:9090")
    return text.rstrip("/")


def _public_url(env: Mapping[str, str]) -> str:
    text = env.get("MESHUI_PUBLIC_URL") or f"http://127.0.0.1:{_port(env, 'MESHUI_PORT', 8000)}"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ImproperlyConfigured(f"MESHUI_PUBLIC_URL is {text!r}, expected such as https://mesh.example.com")
    return text.rstrip("/")


def _smtp_url(env: Mapping[str, str]) -> str:
    text = env.get("MESHUI_SMTP_URL", "")
    if text and (urlsplit(text).scheme not in SMTP_SCHEMES or not urlsplit(text).hostname):
        raise ImproperlyConfigured(f"MESHUI_SMTP_URL has to begin with {', '.join(SMTP_SCHEMES)} and name a host")
    return text


def _list(env: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in env.get(name, default).split(",") if item.strip())
