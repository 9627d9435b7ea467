"""``rollouts/`` and one rollout: what it is, what happened, what was measured."""

from __future__ import annotations

from datetime import UTC

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import WriteQuery, body, extended, query
from meshui.core.api.conditions import answer, conditions
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import REFERENCE, operation
from meshui.core.api.pages import Page, page
from meshui.core.errors import InvalidInput
from meshui.delivery.shown import AnswerView
from meshui.rollouts import selectors
from meshui.rollouts.api.bodies import EventQuery, MeasurementQuery, RolloutQuery
from meshui.rollouts.api.keys import idempotency_key
from meshui.rollouts.bodies import RolloutBody
from meshui.rollouts.forecast import estimate, preflight_of
from meshui.rollouts.models import Rollout
from meshui.rollouts.services import rollout_create, rollout_edit
from meshui.rollouts.services.plans import planned
from meshui.rollouts.shapes import EventView, MeasurementView, RolloutView, RolloutWritten
from meshui.rollouts.shown import event_view, measurement_view, proxy_answers, rollout_view, rollout_views, with_all

ANSWERS = {"type": "array", "items": {"$ref": REFERENCE.format(name=AnswerView.__name__)}}


class Rollouts(Endpoint):
    writes = "traffic.write"

    @operation("rollouts", query=RolloutQuery, answer=Page[RolloutView])
    def get(self, request: Request) -> Response:
        """The rollouts of the namespaces that one may view; the newest first."""
        asked = query(request, RolloutQuery)
        actor = actor_of(request)
        rows = selectors.rollouts(
            actor,
            namespace=asked.namespace,
            service=asked.service,
            state=asked.state,
            active=asked.active,
            search=asked.search,
        )
        descending = asked.ordering.startswith("-")
        found = page(request, with_all(rows), asked, lambda row: row, descending=descending)
        return Response(msgspec.structs.replace(found, results=rollout_views(found.results, actor)))

    @operation("rollout_create", body=RolloutBody, query=WriteQuery, answer=RolloutWritten, status=201, idempotent=True)
    def post(self, request: Request) -> Response:
        """A new rollout, started unless ``start`` is false. 409 ``active_rollout`` names the one that is under way."""
        sent = body(request, RolloutBody)
        actor = actor_of(request)
        actor.require("traffic.write", sent.service.partition("/")[0])
        dry_run = query(request, WriteQuery).dry_run
        row = rollout_create(
            actor=actor,
            plan=planned(sent.service, sent, author=actor.name),
            start=sent.start,
            reason=sent.reason,
            idempotency_key=idempotency_key(request),
            dry_run=dry_run,
        )
        return written(request, row, tried=dry_run)


class OneRollout(Endpoint):
    writes = "traffic.write"

    @operation("rollout", answer=RolloutView)
    def get(self, request: Request, rollout_id: int) -> Response:
        """One rollout."""
        return shown(request, selectors.get_rollout(actor_of(request), rollout_id))

    @operation("rollout_edit", body=RolloutBody, query=WriteQuery, answer=RolloutWritten, conditional=True)
    def patch(self, request: Request, rollout_id: int) -> Response:
        """Give a draft another plan, whole; 409 ``not_a_draft`` once it has started."""
        draft = selectors.get_rollout(actor_of(request), rollout_id)
        sent = body(request, RolloutBody)
        asked = conditions(request, sent.reason)
        row = rollout_edit(rollout_id=rollout_id, plan=planned(sent.service, sent, author=draft.created_by), **asked)
        return written(request, row, tried=asked["dry_run"], status=200)


class Events(Endpoint):
    @operation("rollout_events", query=EventQuery, answer=Page[EventView])
    def get(self, request: Request, rollout_id: int) -> Response:
        """What happened to it, from the first."""
        asked = query(request, EventQuery)
        row = selectors.get_rollout(actor_of(request), rollout_id)
        rows = row.events.filter(seq__gt=asked.since)
        return Response(page(request, rows, asked, event_view, fields=["seq"]))


class Measurements(Endpoint):
    @operation("rollout_measurements", query=MeasurementQuery, answer=Page[MeasurementView])
    def get(self, request: Request, rollout_id: int) -> Response:
        """What was measured, from the first tick."""
        asked = query(request, MeasurementQuery)
        rows = selectors.get_rollout(actor_of(request), rollout_id).measurements.all()
        if asked.metric:
            rows = rows.filter(metric=asked.metric)
        if asked.since is not None:
            try:
                rows = rows.filter(at__gt=asked.since.astimezone(UTC))
            except OverflowError:
                raise InvalidInput.field("since", "range", "outside the years 1 to 9999 in UTC") from None
        return Response(page(request, rows, asked, measurement_view))


class Proxies(Endpoint):
    @operation("rollout_proxies", answer=ANSWERS)
    def get(self, request: Request, rollout_id: int) -> Response:
        """What each proxy that one may view answered to the latest revision; refusals first."""
        actor = actor_of(request)
        return Response(proxy_answers(selectors.get_rollout(actor, rollout_id), actor))


def shown(request: Request, row: Rollout, status: int = 200) -> Response:
    """A rollout with its ETag."""
    view = rollout_view(row, actor_of(request))
    return answer(view, version=view.version, status=status)


def written(request: Request, row: Rollout, *, tried: bool, status: int = 201) -> Response:
    """A rollout that was made; of one that was only tried, also what to expect of it."""
    view = rollout_view(row, actor_of(request))
    plan = selectors.plan_of(row)
    more = {
        "revision": None if tried else row.revision,
        "preflight": preflight_of(row.service, row.stable, row.canary) if tried else None,
        "estimate": estimate(row.service, row.stable, plan.steps, plan.analysis) if tried else None,
    }
    return answer(extended(RolloutWritten, view, **more), version=view.version, status=status)
