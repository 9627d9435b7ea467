"""A rollout's overlay and a service's own routes, laid together. Taking the overlay away gives the routes as they were.

Pure. Both the compiler and the simulation ask here, so that what is shown is what proxies get.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from meshui.mesh.values import Overlay, Route


def laid_over(routes: Sequence[Route], overlay: Overlay | None) -> tuple[Route, ...]:
    """The routes that callers get: first one for each match of the overlay, then the service's own.

    A matched request goes to the canary as the service's last route would send it: with its timeouts and its retry.
    """
    if overlay is None or not routes:
        return tuple(routes)
    return (*_matched(routes, overlay), *(_steered(route, overlay) for route in routes))


def names_over(routes: Iterable[str], overlay: Overlay | None) -> tuple[str, ...]:
    """The names that the overlay's own routes get beside routes of these names."""
    return () if overlay is None else tuple(islice(_unused(routes), len(overlay.matches)))


def _matched(routes: Sequence[Route], overlay: Overlay) -> Iterator[Route]:
    names = names_over((route.name for route in routes), overlay)
    last = routes[-1]
    for name, match in zip(names, overlay.matches, strict=True):
        yield Route(
            name=name,
            match=match,
            weights={overlay.canary: 100},
            timeouts=last.timeouts,
            retry=last.retry,
        )


def _steered(route: Route, overlay: Overlay) -> Route:
    """The route with what it does not say itself. One that answers by itself, or has weights of its own, is none of
    the rollout's business."""
    if route.weights is not None or route.redirect is not None or route.direct is not None:
        return route
    return replace(route, mirror=route.mirror or overlay.mirror, sticky=route.sticky or overlay.sticky)


def _unused(taken: Iterable[str]) -> Iterator[str]:
    known = set(taken)
    number = 0
    while True:
        name = f"rollout-{number}"
        if name not in known:
            yield name
        number += 1
