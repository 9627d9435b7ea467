"""How people sign in with an OpenID Connect provider, as the environment says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

Role = Literal["viewer", "operator", "security", "admin"]
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class GroupRole:
    """Who is in ``group`` at the provider holds ``role`` in ``namespace``; mesh-wide where that is empty."""

    group: str
    role: Role
    namespace: str


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    issuer: str
    """Without a slash at the end; the provider's metadata are at ``/.well-known/openid-configuration`` under it."""
    client_id: str
    client_secret: str
    """Empty for a public client, which PKCE protects alone."""
    name: str
    """What the login page calls it."""
    groups_claim: str
    roles: tuple[GroupRole, ...]
    """Where there are any, they decide: roles follow the provider's groups at each sign-in. Else an administrator gives
    roles here."""

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"


def read(env: Mapping[str, str], *, demo: bool) -> SingleSignOn | None:
    """None where no provider is named. Raises ImproperlyConfigured naming the variable."""
    issuer = env.get("MESHUI_OIDC_ISSUER", "").rstrip("/")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.netloc or (parts.scheme != "https" and not (parts.scheme == "http" and (demo or local))):
        raise ImproperlyConfigured(f"MESHUI_OIDC_ISSUER is {issuer!r}, expected an https:// address")
    if not env.get("MESHUI_OIDC_CLIENT_ID"):
        raise ImproperlyConfigured("MESHUI_OIDC_CLIENT_ID is not set, and MESHUI_OIDC_ISSUER is")
    return SingleSignOn(
        issuer=issuer,
        client_id=env["MESHUI_OIDC_CLIENT_ID"],
        client_secret=env.get("MESHUI_OIDC_CLIENT_SECRET", ""),
        name=env.get("MESHUI_OIDC_NAME") or str(parts.hostname),
        groups_claim=env.get("MESHUI_OIDC_GROUPS_CLAIM") or "groups",
        roles=tuple(_role(text.strip()) for text in env.get("MESHUI_OIDC_ROLES", "").split(",") if text.strip()),
    )


def _role(text: str) -> GroupRole:
    """Read ``group=role`` or ``group=role@namespace``."""
    group, _, held = text.rpartition("=")
    role, at, namespace = held.partition("@")
    if not group or role not in get_args(Role) or (at and not _NAMESPACE.fullmatch(namespace)):
        raise ImproperlyConfigured(f"MESHUI_OIDC_ROLES has {text!r}, expected group=role or group=role@namespace")
    return GroupRole(group, cast(Role, role), namespace)
