"""The knobs of the demo's services over REST, so that a visitor can break a version and watch what happens.

Only in the demo; they are no part of the mesh's configuration, so they make no revision.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from django.conf import settings
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, View, body
from meshui.core.api.conditions import answer
from meshui.core.api.operations import operation
from meshui.core.errors import NotFound
from meshui.demo import knobs, topology

MAX_LATENCY_MS = 10_000


class KnobsBody(Body, frozen=True, kw_only=True):
    """The share of requests to answer 500, and what to wait before each answer. What is left out is 0."""

    error_rate: Annotated[float, Meta(ge=0, le=1)] = 0.0
    latency_ms: Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)] = 0


class KnobsAnswer(View, frozen=True, kw_only=True):
    error_rate: float
    latency_ms: int


class KnobsView(APIView):
    @operation("demo_knobs_get", answer=KnobsAnswer, tags=("demo",))
    def get(self, request: Request, namespace: str, service: str, version: str) -> Response:
        """How one version of a demo service misbehaves now."""
        actor_of(request).require_visible(namespace)
        file = _file(namespace, service, version)
        return answer(_shown(knobs.read(file)))

    @operation("demo_knobs_set", body=KnobsBody, answer=KnobsAnswer, tags=("demo",))
    def put(self, request: Request, namespace: str, service: str, version: str) -> Response:
        """Make one version of a demo service misbehave, or behave again; it takes effect at once."""
        actor = actor_of(request)
        actor.require_visible(namespace)
        actor.require("traffic.write", namespace)
        file = _file(namespace, service, version)
        asked = body(request, KnobsBody)
        knobs.write(file, knobs.Knobs(error_rate=asked.error_rate, latency_ms=asked.latency_ms))
        return answer(_shown(knobs.read(file)))


def _file(namespace: str, service: str, version: str) -> Path:
    """Raises NotFound for a version that the demo does not have."""
    name = f"{namespace}/{service}"
    if not any(each.service.id == name and each.version == version for each in topology.instances()):
        raise NotFound(f"the demo has no version {version} of {name}")
    return knobs.knobs_file(settings.MESHUI.data_dir, name, version)


def _shown(now: knobs.Knobs) -> KnobsAnswer:
    return KnobsAnswer(**asdict(now))
