"""``POST /v1/traces``: OTLP/HTTP from apps."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from meshui.accounts.authentication import TokenAuthentication
from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import JSONRenderer
from meshui.core.errors import InvalidInput, TooLarge
from meshui.telemetry import registry
from meshui.traces import otlp, store

MAX_BODY = 4 << 20


class Receive(APIView):
    """A token that may write the catalog of a namespace may send spans of its services; of services that the registry
    does not know, one that may do so in the whole mesh."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Answers are in the form of the request, errors are JSON: what a client says it accepts decides nothing."""
        return JSONRenderer(), JSONRenderer.media_type

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponse:
        """Take spans; an answer of success tells how many were not taken, and why."""
        actor = actor_of(request)
        form = otlp.FORMS.get(request.headers.get("Content-Type", "").partition(";")[0].strip().lower())
        if form is None:
            raise UnsupportedMediaType(request.headers.get("Content-Type", ""))
        body = request._request.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"at most {MAX_BODY} bytes at once")
        try:
            received = otlp.read(otlp.unpack(body, request.headers.get("Content-Encoding", "").strip().lower()), form)
        except otlp.Malformed as error:
            raise InvalidInput(str(error)) from error
        now = time.time()
        oldest = now - settings.MESHUI.trace_hours * 3600
        taken, rejected = otlp.spans(received, owned=_owned(actor), now_us=int(now * 1e6), oldest_us=int(oldest * 1e6))
        store.write(taken)
        why = "; ".join(f"{reason} ({count})" for reason, count in list(rejected.items())[:5])
        return HttpResponse(otlp.answer(form, sum(rejected.values()), why), content_type=form)


def _owned(actor: Actor) -> otlp.Owned:
    services: dict[str, Any] = registry.services.get()

    def owned(namespace: str, name: str) -> tuple[str, str] | None:
        full = f"{namespace}/{name}" if namespace else name
        if full in services:
            home = full.partition("/")[0]
            return (home, full) if actor.may("catalog.write", home) else None
        return ("", full.replace("\0", "")[:127]) if actor.may("catalog.write") else None

    return owned
