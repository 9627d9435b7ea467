"""``changes/``: the change log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core import chain, reverts, selectors
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, Reason, View, body, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.core.errors import InvalidInput
from meshui.core.models import Change

Text = Annotated[str, Meta(max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]


class ChangeView(View, frozen=True, kw_only=True):
    """``object`` is ``kind:name``; ``before`` and ``after`` hold what the action changed. ``digest`` is over this
    change and the digest of the one before it."""

    id: int
    revision: int
    at: datetime
    actor: str
    action: str
    object: str
    namespace: str
    summary: str
    reason: str
    address: str
    before: Any
    after: Any
    digest: str
    revertible: bool


class ChangeQuery(ListQuery, frozen=True, kw_only=True):
    """``since`` is included, ``until`` is not."""

    namespace: Text = ""
    object: Text = ""
    actor: Text = ""
    action: Text = ""
    since: Instant | None = None
    until: Instant | None = None
    search: Text = ""
    ordering: Annotated[str, Meta(pattern="^-?id$")] = "-id"


class ExportQuery(Body, frozen=True, kw_only=True):
    """Changes with an id above ``after``, the oldest first: to go on, give the id of the last line."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class ChangeLine(View, frozen=True, kw_only=True):
    """What ``digest`` covers, in order, but for ``id``; see the guide for how it is computed."""

    id: int
    revision: int
    at: str
    actor: str
    action: str
    object: str
    namespace: str
    summary: str
    reason: str
    address: str
    before: Any
    after: Any
    digest: str


class ChangeLines(View, frozen=True, kw_only=True):
    lines: list[ChangeLine]


class Verification(View, frozen=True, kw_only=True):
    """``head`` is the digest of the last change that fits. Where the chain is broken ``why`` says how, and
    ``broken_at`` is the first change that does not follow; null where it is the end that is missing."""

    intact: bool
    count: int
    head: str
    why: str = ""
    broken_at: int | None = None


class RevertBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class Reverted(View, frozen=True, kw_only=True):
    """Null where the object already was as before the change."""

    revision: int | None


class Changes(Endpoint):
    @operation("changes", query=ChangeQuery, answer=Page[ChangeView])
    def get(self, request: Request) -> Response:
        """Who changed what, when and why, of the namespaces that one may view; the newest first."""
        asked = query(request, ChangeQuery)
        rows = selectors.changes(
            actor_of(request),
            namespace=asked.namespace,
            obj=asked.object,
            by=asked.actor,
            action=asked.action,
            since=_utc("since", asked.since),
            until=_utc("until", asked.until),
            search=asked.search,
        )
        return Response(page(request, rows, asked, change_view, descending=asked.ordering.startswith("-")))


class Export(Endpoint):
    reads = "users.write"

    @operation("changes_export", query=ExportQuery, answer=ChangeLines)
    def get(self, request: Request) -> Response:
        """The change log whole, users' changes included, for keeping and verifying elsewhere: at most 10,000 lines at a
        time. Needs to be an administrator of the mesh."""
        asked = query(request, ExportQuery)
        actor_of(request).require("users.write")
        lines = [ChangeLine(**line) for line in chain.exported(asked.after, asked.limit)]
        return Response(ChangeLines(lines=lines))


class Verify(Endpoint):
    reads = "users.write"

    @operation("changes_verify", answer=Verification)
    def get(self, request: Request) -> Response:
        """Follow the hash chain of the whole change log: about 20,000 changes a second."""
        actor_of(request).require("users.write")
        try:
            found = chain.verify_log()
        except chain.BrokenChain as broken:
            return Response(
                Verification(intact=False, count=broken.count, head=broken.head, why=str(broken), broken_at=broken.line)
            )
        return Response(Verification(intact=True, count=found.count, head=found.head))


class OneChange(Endpoint):
    @operation("change", answer=ChangeView)
    def get(self, request: Request, change_id: int) -> Response:
        """One change."""
        return Response(change_view(selectors.get_change(actor_of(request), change_id)))


class Revert(Endpoint):
    writes = "view"

    @operation("change_revert", body=RevertBody, answer=Reverted)
    def post(self, request: Request, change_id: int) -> Response:
        """Set the object back to what it was before the change, which needs the permission to change it; 409 where it
        has changed since."""
        actor = actor_of(request)
        actor.require_any("traffic.write", "security.write")
        sent = body(request, RevertBody)
        revision = reverts.change_revert(actor=actor, change_id=change_id, reason=sent.reason)
        return Response(Reverted(revision=revision))


def _utc(path: str, instant: datetime | None) -> datetime | None:
    """The same instant in UTC: the database takes no offset of more than 16 hours."""
    try:
        return instant.astimezone(UTC) if instant else None
    except OverflowError:
        raise InvalidInput.field(path, "range", "outside the years 1 to 9999 in UTC") from None


def change_view(row: Change) -> ChangeView:
    return ChangeView(
        id=row.pk,
        revision=row.revision_id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        object=row.object,
        namespace=row.namespace,
        summary=row.summary,
        reason=row.reason,
        address=row.address,
        before=row.before,
        after=row.after,
        digest=row.digest,
        revertible=reverts.is_revertible(row),
    )
