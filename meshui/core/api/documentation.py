"""The OpenAPI schema, and a page to read it."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpResponse
from django.templatetags.static import static
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.endpoints import Endpoint

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>meshui API</title><meta name="viewport" content="width=device-width"></head>
<body style="margin:0"><redoc spec-url="../schema/" disable-search></redoc><script src="{script}"></script></body>
</html>
"""


class Schema(Endpoint):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """OpenAPI 3.1."""
        return Response(_schema())


class Docs(Endpoint):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """The schema for people."""
        script = static("drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js")
        return HttpResponse(PAGE.format(script=script))


@cache
def _schema() -> Any:
    """The same for everybody and as long as the process lives, so it is made once."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    return generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
