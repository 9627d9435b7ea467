"""``proposals/``: writes that wait for a second person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Q
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.accounts.models import User
from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, View, WriteQuery, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.core.errors import NotFound
from meshui.proposals import services
from meshui.proposals.models import Proposal, ReviewRule

Namespace = Annotated[str, Meta(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class ProposalBody(Body, frozen=True, kw_only=True):
    """A write as one would have made it: ``path`` is below ``/api/v1/``, ``if_match`` the version that was read,
    ``body`` null for a DELETE. Its reason is the proposal's."""

    method: Literal["POST", "PUT", "DELETE"]
    path: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[A-Za-z0-9][A-Za-z0-9/_.*~-]*/$")]
    body: dict[str, Any] | None = None
    if_match: Annotated[str, Meta(max_length=200)] = ""
    reason: Reason = ""


class DecisionBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class ProposalQuery(ListQuery, frozen=True, kw_only=True):
    state: Literal["", "open", "applied", "rejected", "withdrawn"] = ""
    namespace: Annotated[str, Meta(max_length=63)] = ""


class ProposalView(View, frozen=True, kw_only=True):
    """``before`` and ``after`` are what it changes, as tried when it was proposed. ``revision`` is of the change that
    an approval made."""

    id: int
    state: str
    author: str
    created_at: datetime
    reason: str
    method: str
    path: str
    body: Any
    action: str
    object: str
    namespace: str
    summary: str
    before: Any
    after: Any
    decided_by: str
    decided_at: datetime | None
    decision_reason: str
    revision: int | None


class RulesView(View, frozen=True, kw_only=True):
    """Where changes of security take two people: in these namespaces; with ``mesh`` in all, and for the mesh itself."""

    mesh: bool
    namespaces: list[str]


class RuleBody(Body, frozen=True, kw_only=True):
    """``namespace`` of null is everywhere."""

    namespace: Namespace | None
    required: bool
    reason: Reason = ""


class Proposals(Endpoint):
    writes = "security.write"

    @operation("proposals", query=ProposalQuery, answer=Page[ProposalView])
    def get(self, request: Request) -> Response:
        """Those of the namespaces that one may view, and of the mesh; the newest first."""
        asked = query(request, ProposalQuery)
        rows = _visible(actor_of(request))
        if asked.state:
            rows = rows.filter(state=asked.state)
        if asked.namespace:
            rows = rows.filter(namespace=asked.namespace)
        return Response(page(request, rows, asked, _view, descending=True))

    @operation("propose", body=ProposalBody, answer=ProposalView, status=201)
    def post(self, request: Request) -> Response:
        """Propose a write of policies or of how services receive. It is tried at once: what would be refused later is
        refused now, in the same words."""
        sent = body(request, ProposalBody)
        write = services.Write(sent.method, sent.path, sent.body, sent.if_match)
        try:
            row = services.propose(actor=actor_of(request), user=_user(request), write=write, reason=sent.reason)
        except services.Refused as refused:
            return refused.answer
        return Response(_view(row), status=201)


class OneProposal(Endpoint):
    @operation("proposal", answer=ProposalView)
    def get(self, request: Request, proposal_id: int) -> Response:
        """One proposal."""
        row = _visible(actor_of(request)).filter(pk=proposal_id).first()
        if row is None:
            raise NotFound(f"no proposal {proposal_id}")
        return Response(_view(row))


class Approve(Endpoint):
    writes = "security.write"

    @operation("proposal_approve", body=DecisionBody, answer=ProposalView)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Make the write, which one's own permissions must allow as well. Where it is refused (412: the object has
        changed since), the proposal stays open."""
        reason = body(request, DecisionBody).reason
        try:
            row = services.approve(actor=actor_of(request), user=_user(request), proposal_id=proposal_id, reason=reason)
        except services.Refused as refused:
            return refused.answer
        return Response(_view(row))


class Reject(Endpoint):
    writes = "security.write"

    @operation("proposal_reject", body=DecisionBody, answer=ProposalView)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Turn it down."""
        reason = body(request, DecisionBody).reason
        return Response(_view(services.reject(actor=actor_of(request), proposal_id=proposal_id, reason=reason)))


class Withdraw(Endpoint):
    writes = "security.write"

    @operation("proposal_withdraw", body=DecisionBody, answer=ProposalView)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Take one's own back."""
        reason = body(request, DecisionBody).reason
        return Response(_view(services.withdraw(actor=actor_of(request), proposal_id=proposal_id, reason=reason)))


class Rules(Endpoint):
    writes = "security.write"
    proposable = True

    @operation("review_rules", answer=RulesView)
    def get(self, request: Request) -> Response:
        """Where changes of security take two people."""
        return Response(_rules(actor_of(request)))

    @operation("review_rule_set", body=RuleBody, query=WriteQuery, answer=RulesView)
    def put(self, request: Request) -> Response:
        """Take two people somewhere from now on, or one; the latter is itself proposed and approved."""
        sent = body(request, RuleBody)
        actor = actor_of(request)
        services.rule_set(
            actor=actor,
            namespace=sent.namespace,
            required=sent.required,
            reason=sent.reason,
            dry_run=query(request, WriteQuery).dry_run,
        )
        return Response(_rules(actor))


def _visible(actor: Actor) -> Any:
    seen = actor.visible_namespaces()
    rows = Proposal.objects.all()
    return rows if seen is None else rows.filter(Q(namespace__in=seen) | Q(namespace=""))


def _rules(actor: Actor) -> RulesView:
    named = set(ReviewRule.objects.values_list("namespace", flat=True))
    return RulesView(mesh="" in named, namespaces=sorted(name for name in named if name and actor.may("view", name)))


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


def _view(row: Proposal) -> ProposalView:
    return ProposalView(
        id=row.pk,
        state=row.state,
        author=row.author,
        created_at=row.created_at,
        reason=row.reason,
        method=row.method,
        path=row.path,
        body=row.body,
        action=row.action,
        object=row.object,
        namespace=row.namespace,
        summary=row.summary,
        before=row.before,
        after=row.after,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
        revision=row.revision,
    )
