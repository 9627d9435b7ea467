"""From a body to a plan that can be carried out here: its template's metrics, and approvers that can approve."""

from __future__ import annotations

from collections.abc import Iterator

from meshui.accounts.actors import actor_of
from meshui.accounts.models import User
from meshui.core.errors import FieldError, InvalidInput
from meshui.rollouts.bodies import PlanBody
from meshui.rollouts.plan import Approve, Plan
from meshui.rollouts.planning import plan_of
from meshui.rollouts.services.templates import named_metrics


def planned(service: str, body: PlanBody, *, author: str) -> Plan:
    """The plan of a rollout that ``author`` makes. Raises InvalidInput."""
    plan = plan_of(service, body, named_metrics(body.analysis.template))
    errors = list(_approvers(plan, author))
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)
    return plan


def _approvers(plan: Plan, author: str) -> Iterator[FieldError]:
    """A step that nobody can approve would wait for ever."""
    namespace = plan.service.partition("/")[0]
    named = User.objects.filter(username__in=plan.approvers, is_active=True).prefetch_related("grants")
    able = {user.username for user in named if actor_of(user).may("traffic.write", namespace)}
    for index, name in enumerate(plan.approvers):
        if name not in able:
            detail = f"there is no {name} who may write traffic in {namespace}"
            yield FieldError(f"approvers.{index}", "no_approver", detail)
    if able == {author} and any(isinstance(step, Approve) for step in plan.steps):
        yield FieldError("approvers", "only_author", "the author may not approve: name somebody else")
