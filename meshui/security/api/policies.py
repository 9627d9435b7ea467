"""``policies/``: who may call what."""

from __future__ import annotations

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, WriteQuery, body, query
from meshui.core.api.conditions import answer, conditions, deletion
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import Page, page
from meshui.core.commits import Outcome
from meshui.security import access
from meshui.security.api.bodies import (
    EnforceBody,
    NewPolicyBody,
    PolicyBody,
    PolicyQuery,
    PolicyView,
    decided,
)
from meshui.security.models import AccessPolicy
from meshui.security.services import policy_create, policy_delete, policy_enforce, policy_set


class Policies(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("policies", query=PolicyQuery, answer=Page[PolicyView])
    def get(self, request: Request) -> Response:
        """The policies of the namespaces that one may view, and those of the mesh, by name."""
        asked = query(request, PolicyQuery)
        rows = access.policies(
            actor_of(request),
            target=asked.target,
            namespace=asked.namespace,
            service=asked.service,
            action=asked.action,
            mode=asked.mode,
            search=asked.search,
        )
        return Response(page(request, rows, asked, _view, fields=["name"]))

    @operation("policy_create", body=NewPolicyBody, query=WriteQuery, answer=PolicyView, status=201)
    def post(self, request: Request) -> Response:
        """A new policy. In mode ``shadow`` it decides nothing, and what it would have denied is counted."""
        sent = body(request, NewPolicyBody)
        done = policy_create(
            actor=actor_of(request),
            decided=decided(sent.name, sent),
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return _written(done, status=201)


class OnePolicy(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("policy", answer=PolicyView)
    def get(self, request: Request, key: str) -> Response:
        """One policy, by its id or its name."""
        row = access.get_policy(actor_of(request), key)
        return answer(_view(row), version=access.policy_version(row))

    @operation("policy_set", body=PolicyBody, query=WriteQuery, answer=PolicyView, conditional=True)
    def put(self, request: Request, key: str) -> Response:
        """Set all of it. It keeps its name."""
        name = access.get_policy(actor_of(request), key).name
        sent = body(request, PolicyBody)
        return _written(policy_set(key=key, decided=decided(name, sent), **conditions(request, sent.reason)))

    @operation("policy_delete", query=DeleteQuery, status=204, conditional=True)
    def delete(self, request: Request, key: str) -> Response:
        """Remove it."""
        policy_delete(key=key, **deletion(request))
        return Response(status=204)


class Enforce(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("policy_enforce", body=EnforceBody, query=WriteQuery, answer=PolicyView, conditional=True)
    def post(self, request: Request, key: str) -> Response:
        """Take it from shadow to force."""
        sent = body(request, EnforceBody)
        return _written(policy_enforce(key=key, **conditions(request, sent.reason)))


def _view(row: AccessPolicy) -> PolicyView:
    value = access.policy_value(row)
    return PolicyView(
        id=row.pk or 0,
        name=row.name,
        target=row.target,
        action=value.action,
        mode=value.mode,
        rules=value.rules,
        check=value.check,
        description=row.description,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=access.policy_version(row),
    )


def _written(done: Outcome[AccessPolicy], status: int = 200) -> Response:
    shown = msgspec.structs.replace(_view(done.value), revision=done.revision)
    return answer(shown, version=shown.version, status=status)
