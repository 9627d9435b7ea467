"""``jwt-providers/``: who signs the tokens of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.api.fields import NamespaceFilter, Search
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, DeleteQuery, Description, Reason, View, WriteQuery, body, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.core.commits import Outcome
from meshui.mesh.names import LABEL
from meshui.mesh.tokens import ProviderName, TokenRules
from meshui.security import providers
from meshui.security.models import JwtProvider
from meshui.security.services import Provided, keys_fetch, provider_create, provider_delete, provider_set

Users = tuple[list[str], list[str]]


class ProviderBody(TokenRules, frozen=True, kw_only=True):
    """A provider whole. Its keys are given in ``jwks``, or fetched from ``jwks_url`` every ``refresh_s`` by the control
    plane: over https, from public addresses, or from hosts that ``MESHUI_OUTGOING_ALLOW`` names."""

    jwks: dict[str, Any] | None = None
    jwks_url: Annotated[str, Meta(max_length=500)] = ""
    refresh_s: Annotated[int, Meta(ge=30, le=86_400)] = 300
    description: Description = ""
    reason: Reason = ""


class NewProviderBody(ProviderBody, frozen=True, kw_only=True):
    """``namespace`` is whose services may use it; empty: all of the mesh."""

    name: ProviderName
    namespace: Annotated[str, Meta(pattern=f"^({LABEL.pattern})?$", max_length=63)] = ""


class RefreshBody(Body, frozen=True, kw_only=True):
    """Nothing needs saying."""


class KeyView(View, frozen=True, kw_only=True):
    """A key in force. Without an ``alg`` it is for each of the provider's that fits its kind."""

    kid: str
    kty: str
    alg: str | None


class ProviderUsers(View, frozen=True, kw_only=True):
    """The names of policies, and the scopes of settings."""

    policies: list[str]
    settings: list[str]


class ProviderView(TokenRules, frozen=True, kw_only=True):
    """``keys`` are those in force. Where fetching them failed since ``failing_since`` (``fetch_error`` says why), they
    are the last good ones. ``revision`` is the last one that changed it; of a write, the write's own, or null."""

    id: int
    name: str
    namespace: str
    jwks: dict[str, Any] | None
    jwks_url: str
    refresh_s: int
    description: str
    keys: list[KeyView]
    fetched_at: datetime | None
    failing_since: datetime | None
    fetch_error: str
    next_fetch_at: datetime | None
    used_by: ProviderUsers
    revision: int | None
    created_at: datetime
    updated_at: datetime
    version: str


class ProviderQuery(ListQuery, frozen=True, kw_only=True):
    namespace: NamespaceFilter = ""
    search: Search = ""


class Providers(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("jwt_providers", query=ProviderQuery, answer=Page[ProviderView])
    def get(self, request: Request) -> Response:
        """The providers of the namespaces that one may view, and those of the mesh, by name."""
        asked = query(request, ProviderQuery)
        rows = providers.providers(actor_of(request), namespace=asked.namespace, search=asked.search)
        users = providers.used_by(set(rows.values_list("name", flat=True)))
        return Response(page(request, rows, asked, lambda row: _view(row, users[row.name]), fields=["name"]))

    @operation("jwt_provider_create", body=NewProviderBody, query=WriteQuery, answer=ProviderView, status=201)
    def post(self, request: Request) -> Response:
        """A new provider. Its keys are fetched at once where they are to be fetched."""
        sent = body(request, NewProviderBody)
        done = provider_create(
            actor=actor_of(request),
            provided=_provided(sent.name, sent.namespace, sent),
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _written(done, status=201)


class OneProvider(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("jwt_provider", answer=ProviderView)
    def get(self, request: Request, name: str) -> Response:
        """One provider."""
        return _answer(providers.get_provider(actor_of(request), name))

    @operation("jwt_provider_set", body=ProviderBody, query=WriteQuery, answer=ProviderView, conditional=True)
    def put(self, request: Request, name: str) -> Response:
        """Set all of it. It keeps its name and namespace."""
        namespace = providers.get_provider(actor_of(request), name).namespace
        sent = body(request, ProviderBody)
        provided = _provided(name, namespace, sent)
        return _written(provider_set(name=name, provided=provided, **conditions(request, sent.reason)))

    @operation("jwt_provider_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, name: str) -> Response:
        """Remove it. One that is in use stays (409)."""
        provider_delete(name=name, **deletion(request))
        return Response(status=204)


class Refresh(Endpoint):
    writes = "security.write"

    @operation("jwt_provider_refresh", body=RefreshBody, answer=ProviderView)
    def post(self, request: Request, name: str) -> Response:
        """Fetch its keys now. The answer says what came of it."""
        body(request, RefreshBody)
        return _answer(keys_fetch(actor=actor_of(request), name=name))


def _provided(name: str, namespace: str, sent: ProviderBody) -> Provided:
    rules = TokenRules(**{field: getattr(sent, field) for field in TokenRules.__struct_fields__})
    return Provided(
        name=name,
        namespace=namespace,
        rules=rules,
        jwks=sent.jwks,
        jwks_url=sent.jwks_url,
        refresh_s=sent.refresh_s,
        description=sent.description,
    )


def _view(row: JwtProvider, users: Users) -> ProviderView:
    value = providers.provider_value(row)
    return ProviderView(
        **{field: getattr(value.rules, field) for field in TokenRules.__struct_fields__},
        id=row.pk or 0,
        name=row.name,
        namespace=row.namespace,
        jwks=row.jwks,
        jwks_url=row.jwks_url,
        refresh_s=row.refresh_s,
        description=row.description,
        keys=[KeyView(kid=key.kid, kty=key.kty, alg=key.alg) for key in value.keys],
        fetched_at=row.fetched_at,
        failing_since=row.failing_since,
        fetch_error=row.fetch_error,
        next_fetch_at=row.next_fetch_at,
        used_by=ProviderUsers(policies=users[0], settings=users[1]),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=providers.provider_version(row),
    )


def _shown(row: JwtProvider) -> ProviderView:
    return _view(row, providers.used_by({row.name})[row.name])


def _answer(row: JwtProvider) -> Response:
    shown = _shown(row)
    return answer(shown, version=shown.version)


def _written(done: Outcome[JwtProvider], status: int = 200) -> Response:
    shown = msgspec.structs.replace(_shown(done.value), revision=done.revision)
    return answer(shown, version=shown.version, status=status)
