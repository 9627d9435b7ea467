"""Making a write of the REST API again, as somebody: the very endpoint that would have taken it decides."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve
from rest_framework.response import Response

from meshui.accounts.models import User
from meshui.core.actors import Actor
from meshui.core.api.endpoints import Endpoint
from meshui.core.errors import InvalidInput

ROOT = "/api/v1/"


def check(method: str, path: str) -> None:
    """Raise InvalidInput unless this is a write that may be proposed."""
    try:
        view = getattr(resolve(ROOT + path).func, "view_class", None)
    except Resolver404:
        view = None
    if view is None or not issubclass(view, Endpoint) or not view.proposable or not hasattr(view, method.lower()):
        raise InvalidInput.field("path", "not_proposable", f"{method} {path} is nothing that is proposed")


def perform(
    method: str, path: str, body: Any, if_match: str, *, user: User, actor: Actor, reason: str, dry_run: bool = False
) -> Response:
    """The answer to the write. ``reason`` takes the place of the body's."""
    content = b"" if body is None else json.dumps({**body, "reason": reason}).encode()
    query = {"dry_run": "true"} if dry_run else {}
    if body is None:
        query["reason"] = reason
    request = WSGIRequest(
        {
            "REQUEST_METHOD": method,
            "PATH_INFO": ROOT + path,
            "QUERY_STRING": urlencode(query),
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "HTTP_ACCEPT": "application/json",
            "HTTP_IF_MATCH": if_match,
            "REMOTE_ADDR": actor.address,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": BytesIO(content),
        }
    )
    # How REST framework is told who asks where no header does.
    request._force_auth_user = user  # type: ignore[attr-defined]
    request._force_auth_token = actor  # type: ignore[attr-defined]
    match = resolve(ROOT + path)
    response: Response = match.func(request, *match.args, **match.kwargs)
    return response
