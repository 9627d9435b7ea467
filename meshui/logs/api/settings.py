"""``logs/settings/``: which requests are logged."""

from __future__ import annotations

from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.bodies import Body, Reason, View, WriteQuery, body
from meshui.core.api.conditions import answer, conditions
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.errors import InvalidInput
from meshui.core.versions import etag
from meshui.logs.settings import logging_get, logging_set
from meshui.mesh.logging import AccessLog, Mode
from meshui.mesh.tracing import Percent


class LoggingBody(Body, frozen=True, kw_only=True):
    """``errors`` logs every request that failed: with a 5xx, without a response, or answered by a proxy itself. ``all``
    also logs ``percent`` of the others, all of them where it is not given. With ``collected`` the control plane gets
    what is logged, to be searched."""

    mode: Mode
    percent: Percent | None = None
    collected: bool = True
    reason: Reason = ""

    def setting(self) -> AccessLog:
        """Raises InvalidInput."""
        if self.mode != "all":
            if self.percent:
                raise InvalidInput.field("percent", "invalid", "only `all` takes a share")
            return AccessLog(mode=self.mode, percent=0.0, collected=self.collected)
        if self.percent == 0:
            raise InvalidInput.field("percent", "out_of_range", "`all` with no share is `errors`")
        return AccessLog(mode="all", percent=100.0 if self.percent is None else self.percent, collected=self.collected)


class LoggingView(View, frozen=True, kw_only=True):
    mode: Mode
    percent: float
    collected: bool
    version: str
    revision: int | None


class LoggingEndpoint(Endpoint):
    writes = "traffic.write"

    @operation("logging", answer=LoggingView)
    def get(self, request: Request) -> Response:
        """Which of the mesh's requests are logged."""
        return _answer(logging_get(), None)

    @operation("logging_set", body=LoggingBody, query=WriteQuery, answer=LoggingView, conditional=True)
    def put(self, request: Request) -> Response:
        """Set which requests are logged. Mesh-wide permission is needed; every proxy follows within a second."""
        sent = body(request, LoggingBody)
        done = logging_set(logging=sent.setting(), **conditions(request, sent.reason))
        return _answer(done.value, done.revision)


def _answer(logging: AccessLog, revision: int | None) -> Response:
    shown = LoggingView(**asdict(logging), version=etag(logging), revision=revision)
    return answer(shown, version=shown.version)
