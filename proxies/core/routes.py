"""A service's routes as one source of traffic sees them: which of them hold for it, and which a request takes.

Built from the resources of ``proxies.wire``; holds no endpoints and no connections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proxies.core.actions import action_flaws
from proxies.core.errors import BadMessage, Flaw
from proxies.core.head import RequestHead
from proxies.core.match import Matcher, compile_match, is_from, match_flaws
from proxies.wire.routing import Route


class CompiledRoute(NamedTuple):
    """``matches`` of None takes every request."""

    matches: Matcher | None
    route: Route


def compile_routes(routes: Sequence[Route], source: str) -> list[CompiledRoute]:
    """The routes that hold for requests which ``source`` (``namespace/name``) routes, in order. Raises BadMessage
    naming the route that cannot be compiled."""
    compiled: list[CompiledRoute] = []
    for route in routes:
        try:
            matches = compile_match(route.match)  # also where the route is for others: a fault is a fault everywhere
        except BadMessage as error:
            raise BadMessage(f"route {route.name}: {error.reason}") from error
        if is_from(route.match, source):
            compiled.append(CompiledRoute(matches, route))
    return compiled


def first_match(routes: Sequence[CompiledRoute], head: RequestHead) -> Route | None:
    """The route that a request takes."""
    for matches, route in routes:
        if matches is None or matches(head):
            return route
    return None


def route_flaws(route: Route) -> Iterator[Flaw]:
    """What is wrong with a route by itself, paths as ``match.headers.0.value``."""
    for flaw in match_flaws(route.match):
        yield flaw._replace(path=f"match.{flaw.path}")
    yield from action_flaws(route)
