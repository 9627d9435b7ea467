"""The REST API as a client sees it, in process; and all that a write could have changed, to compare."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from meshui.accounts.authentication import TOKEN_PREFIX, digest
from meshui.accounts.models import ApiToken, RoleGrant, User
from meshui.catalog.models import Instance, JoinToken, Namespace, Proxy, Service, Version
from meshui.core.models import Change, Mesh, Outbox, Revision
from meshui.proposals.models import Proposal, ReviewRule
from meshui.rollouts.models import AnalysisTemplate, Approval, IdempotencyKey, Rollout, RolloutEvent
from meshui.security.models import AccessPolicy, AccessSetting, DeniedIdentity, JwtProvider
from meshui.taps.models import Tap
from meshui.traffic.models import GatewayHost, TrafficRules

WATCHED = (
    Namespace,
    Service,
    Version,
    Instance,
    Proxy,
    JoinToken,
    TrafficRules,
    GatewayHost,
    AccessPolicy,
    AccessSetting,
    DeniedIdentity,
    JwtProvider,
    ReviewRule,
    Proposal,
    RoleGrant,
    Rollout,
    RolloutEvent,
    Approval,
    IdempotencyKey,
    AnalysisTemplate,
    Tap,
    Mesh,
    Revision,
    Change,
    Outbox,
)


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of the mesh: two of these are equal when nothing has changed."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in WATCHED}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]

    def paths(self) -> dict[str, str]:
        """The fields at fault: path to code."""
        return {error["path"]: error["code"] for error in self.body["errors"]}


class Api:
    """Calls ``/api/v1/{path}`` as one user, by token; as nobody without one."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {make_token(user)}"} if user else {}

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        """Keyword arguments are headers: ``If_Match='"x"'``."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        kind = sent.pop("Content-Type", "application/json")
        response = self.client.generic(method, f"/api/v1/{path}", data, content_type=kind, headers=sent)
        shown = json.loads(response.content) if "json" in response.headers.get("Content-Type", "") else None
        return Answer(response.status_code, shown, response.headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, {} if body is None else body, **headers)

    def change(self, method: str, path: str, body: Any = None) -> Answer:
        """Read the ETag, then write."""
        return self.call(method, path, body, If_Match=self.get(path.partition("?")[0]).etag)


def make_token(user: User, *, expires_in: float = 3600) -> str:
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        user=user, name="test", digest=digest(token), expires_at=timezone.now() + timedelta(seconds=expires_in)
    )
    return token


def make_user(name: str, *roles: tuple[str, str], superuser: bool = False) -> User:
    """``roles`` are (role, namespace); an empty namespace is the whole mesh. It cannot sign in by password."""
    user = User(username=name, is_superuser=superuser)
    user.set_unusable_password()
    user.save()
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role, namespace=ns) for role, ns in roles)
    return user
