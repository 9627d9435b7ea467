"""The base of every endpoint: permission is decided before the body is read.

A service checks again, with what the body says; here it is decided for all methods alike, so that no endpoint forgets.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from meshui.core.actors import Permission
from meshui.core.api.actors import actor_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Endpoint(APIView):
    """``reads`` and ``writes`` are what GET and the other methods need: in the namespace that the path names as
    ``ns``, else in any namespace, where a selector or a service then narrows it. ``writes`` of None asks for no more
    than being signed in; an endpoint that only reads has none."""

    reads: ClassVar[Permission] = "view"
    writes: ClassVar[Permission | None]
    proposable: ClassVar[bool] = False
    """Whether its writes may be proposed by one person for another to approve; they all take ``dry_run``."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        actor = actor_of(request)
        namespace = kwargs.get("ns")
        if namespace is not None:
            actor.require_visible(namespace)
        if getattr(self, str(request.method).lower(), None) is None:
            return  # 405 comes next
        needed = self.reads if request.method in SAFE else self.writes
        if needed not in (None, "view"):
            actor.require_in(needed, namespace)
