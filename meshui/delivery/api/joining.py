"""Where proxies join and renew. A token or the current certificate's key authorises them, no session."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshui.core.api.bodies import invalid
from meshui.core.api.operations import operation
from meshui.delivery import joining
from meshui.delivery.gate import gate
from proxies.wire.join import JoinRequest, JoinResponse, RenewRequest, RenewResponse

T = TypeVar("T")


class Join(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("proxy_join", body=JoinRequest, answer=JoinResponse)
    def post(self, request: Request) -> Response:
        """Take a proxy into the mesh by its join token."""
        asked = _read(request, JoinRequest)
        with gate.passed():
            return Response(joining.join(asked))


class Renew(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("proxy_renew", body=RenewRequest, answer=RenewResponse)
    def post(self, request: Request) -> Response:
        """The next certificate, for whoever holds the key of the current one."""
        asked = _read(request, RenewRequest)
        with gate.passed():
            return Response(joining.renew(asked))


def _read(request: Request, kind: type[T]) -> T:
    """A message of the wire: PEM has line breaks, and a newer proxy may say what we do not know."""
    try:
        return msgspec.convert(request.data, kind)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
